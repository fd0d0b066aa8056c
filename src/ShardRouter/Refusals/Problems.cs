using System.Globalization;
using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Outcomes;

namespace ShardRouter.Refusals;

/// <summary>Every problem with which this API answers. Only this file maps an event to its status and code.</summary>
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
        new(400, "invalid-cursor", "The cursor is not of this query",
            "Pass 'next' of the previous page unchanged, with the same query, or leave the cursor out to begin again.");

    public static Problem UnindexedQuery(string collection) => new(
        400, "unindexed-query", "The query reads every item of the collection",
        $"No index serves this filter, order or count. Make one (PUT /v1/collections/{collection}/indexes/NAME), name a partition, or say that "
        + "you want it so: \"allowScan\": true.");

    public static Problem IndexNotFound(string name) =>
        new(404, "index-not-found", "There is no such index", $"The collection has no index '{name}'.");

    public static Problem IndexDiffers(string name) => new(
        409, "index-exists", "An index of that name has other fields", $"Delete the index '{name}' first, or give the new one another name.");

    public static Problem IndexBeingDropped(string name) => new(
        409, "index-being-dropped", "An index of that name is being dropped", $"Make '{name}' again once GET does not find it any more.",
        Retryable: true);

    public static Problem TooManyIndexes() => new(
        409, "too-many-indexes", "The collection has as many indexes as it may have", "A collection has at most 10: each makes every write dearer.");

    public static Problem IndexWhileMoving() => new(
        409, "slots-moving", "A unique index cannot be made while slots move",
        "'shardadmin ops list' shows what moves. Repeat the request when it is done.", Retryable: true);

    public static Problem UniqueViolation(string index) => new(
        409, "unique-violation", "Another item of the partition has the same value", $"The index '{index}' is unique in each partition.")
    {
        Index = index,
    };

    public static Problem TooLargeForIndex(string index) => new(
        413, "too-large", "The item is too large for an index",
        $"The keys of an item and its values of the fields of the index '{index}' have together at most about 2,600 bytes.")
    {
        Index = index,
    };

    public static Problem TooManyGroups(int most) => new(
        400, "too-many-groups", "The items are of too many groups", $"At most {most} groups are computed. Group by fewer fields, or filter.");

    /// <summary>So many queries over all shards run already that one more would only make all of them slower.</summary>
    public static Problem TooManyScatters() => new(
        503, "overloaded", "Too many queries over several shards run at this router", "Nothing was read.", Retryable: true)
    {
        RetryAfterSeconds = 1,
    };

    public static Problem BadRequest(string detail) => new(400, "bad-request", "The request is malformed", detail);

    /// <param name="detail">Why what was shown does not do; null: nothing was shown.</param>
    public static Problem Unauthenticated(string? detail) => new(
        401, "unauthenticated", "A valid API key or token is needed",
        detail ?? "Send the header Authorization: Bearer, with an API key or a token.")
    {
        Challenge = detail is null ? "Bearer" : "Bearer error=\"invalid_token\"",
    };

    /// <summary>Who is let in is not known yet, so nobody can be told that he is not.</summary>
    public static Problem KeysNotKnown() => new(
        503, "keys-unavailable", "The router does not know yet who may call", "Nothing was read or applied.", Retryable: true)
    {
        RetryAfterSeconds = 1,
    };

    public static Problem InsufficientScope(AccessScope missing, bool isAnyEnough)
    {
        var names = string.Join(isAnyEnough ? " or " : " and ", AccessScopes.NamesOf(missing));
        return new(403, "insufficient-scope", "The key or token does not allow this", $"It needs the scope {names}.")
        {
            Challenge = $"Bearer error=\"insufficient_scope\", scope=\"{string.Join(' ', AccessScopes.NamesOf(missing))}\"",
        };
    }

    public static Problem PartitionNotAllowed() => new(403, "partition-not-allowed", "The partition is not one of the key's or token's");

    public static Problem CollectionNotAllowed() => new(403, "collection-not-allowed", "The collection is not one of the key's or token's");

    public static Problem ItemNotFound() => new(404, "item-not-found", "There is no such item");

    public static Problem CollectionNotFound(string collection) => new(
        404, "collection-not-found", "There is no such collection", $"Create it with PUT /v1/collections/{collection} first.");

    /// <param name="why">What is wrong with the address, if that is known.</param>
    public static Problem RouteNotFound(string? why = null) => new(
        404, "route-not-found", "There is nothing at this address",
        (why is null ? "" : why + " ") + "GET /openapi/v1.json lists all addresses.");

    public static Problem MethodNotAllowed() => new(
        405, "method-not-allowed", "The address does not know this method", "The Allow header lists the methods that it knows.");

    public static Problem PartitionMismatch(int operation) => new(
        409, "partition-mismatch", "A transaction has one partition key", "An operation names another pk than the transaction.")
    {
        FailedOperation = operation,
        Pointer = string.Create(CultureInfo.InvariantCulture, $"/ops/{operation}/pk"),
    };

    public static Problem CollectionBeingDeleted(string collection) => new(
        409, "collection-being-deleted", "A collection of that name is being deleted",
        $"Create '{collection}' again once 'shardadmin collections list' does not show it any more.", Retryable: true);

    public static Problem SessionLost(ShardId shard) => new(
        409, "session-lost", "The shard lost what this session knows",
        $"Shard {shard} went back to a time before this session's last read or write of it. "
        + "What the session saw or wrote last may be missing. Nothing was read or applied. "
        + "Go on without Session-Token, and read again what matters.");

    /// <param name="currentVersion">null: there is no item.</param>
    public static Problem PreconditionFailed(WriteConditionKind condition, long? currentVersion)
    {
        var (title, detail) = (condition, currentVersion) switch
        {
            (WriteConditionKind.Absent, not null) =>
                ("The item exists already", "The request may only create it. Read it, and decide anew."),
            (WriteConditionKind.NoMatch, not null) =>
                ("The item still has this version", "The request asks for any version but those that it names."),
            (_, not null) => (
                "The item has another version",
                "It was changed since the version that the request names. Read it again, and decide anew."),
            _ => ("There is no such item", "The request requires one that exists. Nothing was changed."),
        };
        return new(412, "precondition-failed", title, detail)
        {
            CurrentETag = currentVersion is { } version ? VersionTag.Of(version) : null,
        };
    }

    public static Problem TooLarge(string detail) => new(413, "too-large", "The request is too large", detail);

    public static Problem UnsupportedEncoding() => new(
        415, "unsupported-media-type", "The body is encoded", "Send it as it is: without Content-Encoding, or with 'identity'.");

    public static Problem UnsupportedMediaType(string expected) => new(
        415, "unsupported-media-type", "The body has the wrong media type", $"Send it as {expected}.");

    public static Problem InvalidPatch(string detail, string? pointer = null) =>
        new(422, "invalid-patch", "The patch cannot be applied", detail) { Pointer = pointer };

    public static Problem OutOfRange(string? detail) => new(
        409, "out-of-range", "The increment would leave its range",
        detail is null ? "Nothing was changed." : $"{char.ToUpperInvariant(detail[0])}{detail[1..]}. Nothing was changed.");

    public static Problem RequestTimeout() => new(408, "request-timeout", "The request did not arrive in time", Retryable: true);

    public static Problem RateLimited(RateLimit limit) => Limited(
        limit, "rate-limited", "The key or token asked for too much",
        $"It may ask for {limit.PerSecond} operations a second. Nothing was applied.");

    public static Problem HotPartition(RateLimit limit) => Limited(
        limit, "hot-partition", "Too much is asked of this partition",
        $"It may be asked for {limit.PerSecond} operations a second. Nothing was applied.");

    public static Problem TooManyAtOnce(int most) => new(
        429, "rate-limited", "The key or token asks for too much at once",
        $"It may wait for {most} answers at the same time. Nothing was applied.", Retryable: true)
    { RetryAfterSeconds = 1 };

    private static Problem Limited(RateLimit limit, string code, string title, string detail) => new(429, code, title, detail, Retryable: true)
    {
        RetryAfterSeconds = limit.WaitSeconds,
        Limit = limit,
    };

    public static Problem Internal() => new(500, "internal", "The router failed", "Search the router's log for the request id.");

    public static Problem RouterOverloaded() => new(
        503, "overloaded", "The router holds as much data as it may",
        "Nothing was applied. Large bodies and answers have to wait until others have left.", Retryable: true)
    { RetryAfterSeconds = 1 };

    /// <summary>The request would wait longer for its shard than it has time.</summary>
    public static Problem TooLate(bool writes) =>
        Of(ShardFailure.Overloaded, writes) with { Detail = "Its time would be over before the shard's turn. Nothing was applied." };

    public static Problem AnswerFull(int mostBytes) => new(
        413, "too-large", "The documents are too large together",
        $"A batch answers documents of at most {mostBytes} bytes together. Ask for this one in another batch.", Retryable: true);

    public static Problem Of(ShardFailure failure, bool writes) => failure switch
    {
        ShardFailure.RingUnavailable =>
            new(503, "ring-unavailable", "The router knows no ring yet", "'shardadmin status' tells why.", Retryable: true)
            { RetryAfterSeconds = 1 },
        ShardFailure.Unavailable =>
            new(503, "shard-unavailable", "The shard of this partition does not answer", Retryable: true) { RetryAfterSeconds = 1 },
        ShardFailure.Overloaded =>
            new(503, "overloaded", "Too many requests wait for the shard of this partition", Retryable: true) { RetryAfterSeconds = 1 },
        ShardFailure.SlotMoving =>
            new(503, "slot-moving", "The partition is being handed to another shard", Retryable: true) { RetryAfterSeconds = 1 },
        ShardFailure.Defect => Internal() with { Detail = "Nothing was applied; the router's log tells why." },
        ShardFailure.OutcomeUnknown => new(
            504, "deadline-exceeded", "No answer came in time",
            "The write may have been applied, or may still be applied later. "
            + "Repeat it only if it has a condition, or if applying it twice does no harm.")
        {
            OutcomeUnknown = true,
        },
        _ => new(504, "deadline-exceeded", "No answer came in time", writes ? "The write was not applied." : null, Retryable: true),
    };

    /// <summary>The problem of a query over several shards names the one that is at fault.</summary>
    public static Problem OfQuery(ShardFailure failure, ShardId shard) => Of(failure, writes: false) switch
    {
        { Code: "shard-unavailable" } problem => problem with
        {
            Title = "A shard does not answer",
            Detail = $"Shard {shard} does not answer. With 'Prefer: partial-results' the query is answered without it.",
        },
        { Code: "deadline-exceeded" } problem => problem with
        {
            Detail = $"Shard {shard} needed more time. Name a partition or filter less, or give more by Request-Timeout.",
        },
        { Code: "overloaded" } problem => problem with { Title = $"Too many requests wait for shard {shard}" },
        var problem => problem,
    };

    /// <returns>The problem of a write that did not succeed.</returns>
    public static Problem Of(WriteResult result, string collection, WriteConditionKind condition) => result.Outcome switch
    {
        WriteOutcome.Missing => ItemNotFound(),
        WriteOutcome.PreconditionFailed => PreconditionFailed(condition, result.Version),
        WriteOutcome.InvalidPatch => InvalidPatch(result.Detail ?? "The patch does not fit the document."),
        WriteOutcome.OutOfRange => OutOfRange(result.Detail),
        WriteOutcome.UniqueViolation => UniqueViolation(result.Detail!),
        WriteOutcome.TooLargeForIndex => TooLargeForIndex(result.Detail!),
        WriteOutcome.NoCollection => CollectionNotFound(collection),
        WriteOutcome.SessionLost => SessionLost(new ShardId(result.Detail!)),
        WriteOutcome.OtherTimeline => Of(ShardFailure.Unavailable, writes: true),
        _ => throw new ArgumentOutOfRangeException(nameof(result), result.Outcome, "A success is not a problem."),
    };
}
