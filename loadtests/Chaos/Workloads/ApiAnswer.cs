using System.Text.Json;
using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Workloads;

/// <summary>What came of one request.</summary>
/// <param name="Status">0: no answer.</param>
/// <param name="ETag">The version in it.</param>
/// <param name="Route">The way it went, for people.</param>
internal sealed record ApiAnswer(int Status, long? ETag, byte[] Body, string Route)
{
    /// <summary>Whether a write may have been applied, as the API promises it.</summary>
    public OperationOutcome Outcome { get; init; }

    public bool IsRefused => Status == 412;

    /// <summary>The item is not there. A collection that is not found is a wrong answer, not an absent item.</summary>
    public bool IsItemNotFound => Status == 404 && Body.AsSpan().IndexOf("item-not-found"u8) >= 0;

    /// <summary>Of a refused condition: the version that is there; null: there is none.</summary>
    public long? CurrentVersion => Json(body => body.TryGetProperty("currentEtag", out var etag) ? VersionOf(etag.GetString()) : null);

    public string Note => $"{Route} {(Status == 0 ? System.Text.Encoding.UTF8.GetString(Body) : Status)}";

    public T Json<T>(Func<JsonElement, T> read)
    {
        using var document = JsonDocument.Parse(Body);
        return read(document.RootElement);
    }

    public static long? VersionOf(string? etag) =>
        long.TryParse(etag?.Trim('"'), System.Globalization.CultureInfo.InvariantCulture, out var version) ? version : null;

    /// <summary>503 and a 504 without "unknown" promise that nothing was applied; 500 and 502 promise nothing.</summary>
    public static OperationOutcome OutcomeOf(int status, byte[] body) => status switch
    {
        >= 200 and < 300 => OperationOutcome.Ok,
        503 => OperationOutcome.Fail,
        504 when body.AsSpan().IndexOf("\"outcome\":\"unknown\""u8) >= 0 => OperationOutcome.Unknown,
        504 or (>= 400 and < 500) => OperationOutcome.Fail,
        _ => OperationOutcome.Unknown,
    };
}
