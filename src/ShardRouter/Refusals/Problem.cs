using System.Text.Json;

namespace ShardRouter.Refusals;

/// <summary>An answer other than success, as RFC 9457 problem+json. <see cref="Problems"/> makes them.</summary>
/// <param name="Code">Stable, for programs; documented in /openapi/v1.json.</param>
/// <param name="Retryable">The same request may succeed later, and repeating it cannot apply it twice.</param>
internal sealed record Problem(int Status, string Code, string Title, string? Detail = null, bool Retryable = false)
{
    public const string MediaType = "application/problem+json";

    /// <summary>Where in the request's body the fault lies, as a JSON pointer.</summary>
    public string? Pointer { get; init; }

    public string? CurrentETag { get; init; }

    /// <summary>For a transaction: the place, from 0, of the first operation that failed.</summary>
    public int? FailedOperation { get; init; }

    /// <summary>Of a batch or transaction: the item of the operation that is at fault.</summary>
    public (string Collection, string PartitionKey, string Id)? Item { get; init; }

    /// <summary>The index that refuses a write.</summary>
    public string? Index { get; init; }

    /// <summary>A write may or may not have been applied.</summary>
    public bool OutcomeUnknown { get; init; }

    public int? RetryAfterSeconds { get; init; }

    /// <summary>The limit that the request was over.</summary>
    public RateLimit? Limit { get; init; }

    /// <summary>What the caller has to show, for the header WWW-Authenticate (RFC 6750).</summary>
    public string? Challenge { get; init; }

    /// <summary>Writes the members into the object that is open.</summary>
    public void WriteMembers(Utf8JsonWriter json, string? requestId)
    {
        json.WriteString("type", "urn:sharding:problem:" + Code);
        json.WriteString("title", Title);
        json.WriteNumber("status", Status);
        if (Detail is not null)
            json.WriteString("detail", Detail);
        json.WriteString("code", Code);
        if (requestId is not null)
            json.WriteString("requestId", requestId);
        json.WriteBoolean("retryable", Retryable);
        if (OutcomeUnknown)
            json.WriteString("outcome", "unknown");
        if (Pointer is not null)
        {
            json.WriteStartArray("errors");
            json.WriteStartObject();
            json.WriteString("pointer", Pointer);
            json.WriteString("detail", Detail ?? Title);
            json.WriteEndObject();
            json.WriteEndArray();
        }
        if (CurrentETag is not null)
            json.WriteString("currentEtag", CurrentETag);
        if (Index is not null)
            json.WriteString("index", Index);
        if (FailedOperation is { } failed)
            json.WriteNumber("failedOp", failed);
        if (Item is { } item)
            WriteItem(json, item);
    }

    private static void WriteItem(Utf8JsonWriter json, (string Collection, string PartitionKey, string Id) item)
    {
        json.WriteStartObject("item");
        json.WriteString("collection", item.Collection);
        json.WriteString("pk", item.PartitionKey);
        json.WriteString("id", item.Id);
        json.WriteEndObject();
    }
}

/// <summary>The request cannot be carried out as it was sent. It is to be answered with <see cref="Problem"/>.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Title)
{
    public Problem Problem { get; } = problem;
}
