using System.Globalization;
using ShardCore.Ring;
using ShardRouter.Items;
using ShardRouter.Shards;

namespace ShardRouter.Http;

/// <summary>Every problem this API answers with: the one file that maps what happened to status and code.</summary>
internal static class Problems
{
    public static Problem InvalidJson(string detail, string? pointer = null) =>
        new(400, "invalid-json", "The body is not the JSON that is expected here", detail) { Pointer = pointer };

    public static Problem InvalidKey(string detail, string? pointer = null) =>
        new(400, "invalid-key", "A key cannot be used", detail) { Pointer = pointer };

    public static Problem InvalidFilter(string detail) => new(400, "invalid-filter", "The query cannot be understood", detail);

    public static Problem InvalidParameter(string name, string detail) =>
        new(400, "invalid-parameter", $"The query parameter '{name}' cannot be used", detail);

    public static Problem InvalidHeader(string name, string detail) => new(400, "invalid-header", $"The header '{name}' cannot be used", detail);

    public static Problem InvalidCursor() =>
        new(400, "invalid-cursor", "The cursor is not of this query", "Pass 'next' of the page before unchanged, with the same query, or leave the cursor out to begin anew.");

    public static Problem BadRequest(string detail) => new(400, "bad-request", "The request is malformed", detail);

    public static Problem ItemNotFound() => new(404, "item-not-found", "There is no such item");

    public static Problem CollectionNotFound(string collection) => new(
        404, "collection-not-found", "There is no such collection", $"Create it with PUT /v1/collections/{collection} first.");

    public static Problem RouteNotFound() => new(404, "route-not-found", "There is nothing at this address", "GET /openapi/v1.json lists what there is.");

    public static Problem MethodNotAllowed() => new(405, "method-not-allowed", "The address does not know this method", "The Allow header lists those it knows.");

    public static Problem PartitionMismatch(int operation) => new(
        409, "partition-mismatch", "A transaction has one partition key", "An operation names another pk than the transaction.")
    {
        FailedOperation = operation,
        Pointer = string.Create(CultureInfo.InvariantCulture, $"/ops/{operation}/pk"),
    };

    public static Problem CollectionBeingDeleted(string collection) => new(
        409, "collection-being-deleted", "A collection of that name is being deleted", $"Create '{collection}' again once 'shardadmin collections list' does not show it any more.", Retryable: true);

    public static Problem SessionLost(ShardId shard) => new(
        409, "session-lost", "The shard lost what this session knows",
        $"Shard {shard} went back to a time before this session's last read or write of it. "
        + "What the session saw or wrote last may be missing. Nothing was read or applied. Go on without Session-Token, and read anew what matters.");

    public static Problem PreconditionFailed(long? currentVersion) => new(
        412, "precondition-failed", "The item is not in the state that the request requires",
        currentVersion is null ? "There is no such item now." : "Read the item again and decide anew.")
    {
        CurrentETag = currentVersion is { } version ? ETag.Of(version) : null,
    };

    public static Problem TooLarge(string detail) => new(413, "too-large", "The request is too large", detail);

    public static Problem UnsupportedMediaType(string expected) => new(415, "unsupported-media-type", "The body has the wrong media type", $"Send it as {expected}.");

    public static Problem InvalidPatch(string detail, string? pointer = null) =>
        new(422, "invalid-patch", "The patch cannot be applied", detail) { Pointer = pointer };

    public static Problem RequestTimeout() => new(408, "request-timeout", "The request did not arrive in time", Retryable: true);

    public static Problem Internal() => new(500, "internal", "The router failed", "The request id finds it in the router's log.");

    public static Problem RouterOverloaded() => new(
        503, "overloaded", "The router holds as much data as it may", "Nothing was applied. Large bodies and answers have to wait until others have left.", Retryable: true)
    { RetryAfterSeconds = 1 };

    public static Problem AnswerFull(int mostBytes) => new(
        413, "too-large", "The documents are too large together", $"A batch answers documents of {mostBytes} bytes: ask for this one in another batch.", Retryable: true);

    public static Problem Of(ShardFailure failure, bool writes) => failure switch
    {
        ShardFailure.RingUnavailable => new(503, "ring-unavailable", "The router knows no ring yet", "'shardadmin status' tells why.", Retryable: true) { RetryAfterSeconds = 1 },
        ShardFailure.Unavailable => new(503, "shard-unavailable", "The shard of this partition does not answer", Retryable: true) { RetryAfterSeconds = 1 },
        ShardFailure.Overloaded => new(503, "overloaded", "Too much waits for the shard of this partition", Retryable: true) { RetryAfterSeconds = 1 },
        ShardFailure.SlotMoving => new(503, "slot-moving", "The partition is being handed to another shard", Retryable: true) { RetryAfterSeconds = 1 },
        ShardFailure.Defect => Internal() with { Detail = "Nothing was applied; the router's log tells why." },
        ShardFailure.OutcomeUnknown => new(
            504, "deadline-exceeded", "No answer came in time", "The write may have been applied, or may still be. Repeat it only if it has a condition, or if applying it twice does no harm.")
        {
            OutcomeUnknown = true,
        },
        _ => new(504, "deadline-exceeded", "No answer came in time", writes ? "The write was not applied." : null, Retryable: true),
    };

    /// <returns>The problem of a write that did not succeed.</returns>
    public static Problem Of(WriteResult result, string collection) => result.Outcome switch
    {
        WriteOutcome.Missing => ItemNotFound(),
        WriteOutcome.PreconditionFailed => PreconditionFailed(result.Version),
        WriteOutcome.InvalidPatch => InvalidPatch(result.Detail ?? "The patch does not fit the document."),
        WriteOutcome.NoCollection => CollectionNotFound(collection),
        WriteOutcome.SessionLost => SessionLost(new ShardId(result.Detail!)),
        WriteOutcome.OtherTimeline => Of(ShardFailure.Unavailable, writes: true),
        _ => throw new ArgumentOutOfRangeException(nameof(result), result.Outcome, "A success is no problem."),
    };
}
