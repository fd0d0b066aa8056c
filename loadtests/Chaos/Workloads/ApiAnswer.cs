using System.Text.Json;
using Chaos.Recording;

namespace Chaos.Workloads;

/// <summary>The result of one request.</summary>
/// <param name="Status">The status of the answer; 0: there was none.</param>
/// <param name="ETag">The version in the answer.</param>
/// <param name="Route">The route of the request, for people.</param>
internal sealed record ApiAnswer(int Status, long? ETag, byte[] Body, string Route)
{
    /// <summary>Whether a write may have been applied, according to the API's promises.</summary>
    public OperationOutcome Outcome { get; init; }

    public bool IsRefused => Status == 412;

    /// <summary>Whether the item does not exist. "Collection not found" is a wrong answer, not an absent item.</summary>
    public bool IsItemNotFound => Status == 404 && Body.AsSpan().IndexOf("item-not-found"u8) >= 0;

    /// <summary>After a refused condition: the present version; null: the item does not exist.</summary>
    public long? CurrentVersion => Json(body => body.TryGetProperty("currentEtag", out var etag) ? VersionOf(etag.GetString()) : null);

    public string Note => $"{Route} {(Status == 0 ? System.Text.Encoding.UTF8.GetString(Body) : Status)}";

    public T Json<T>(Func<JsonElement, T> read)
    {
        using var document = JsonDocument.Parse(Body);
        return read(document.RootElement);
    }

    public static long? VersionOf(string? etag) =>
        long.TryParse(etag?.Trim('"'), System.Globalization.CultureInfo.InvariantCulture, out var version) ? version : null;

    /// <summary>A 503, and a 504 without "unknown", promise that nothing was applied; 500 and 502 promise nothing.</summary>
    public static OperationOutcome OutcomeOf(int status, byte[] body) => status switch
    {
        >= 200 and < 300 => OperationOutcome.Ok,
        503 => OperationOutcome.Fail,
        504 when body.AsSpan().IndexOf("\"outcome\":\"unknown\""u8) >= 0 => OperationOutcome.Unknown,
        504 or (>= 400 and < 500) => OperationOutcome.Fail,
        _ => OperationOutcome.Unknown,
    };
}
