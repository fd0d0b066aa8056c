namespace ShardRouter.Outcomes;

/// <summary>The result of one <see cref="WriteOperation"/>.</summary>
/// <param name="Version">After a success the new version; after a failed condition the current one, if there is one.</param>
/// <param name="Detail">Why a patch or an increment cannot be applied, or which shard lost what the session knows.</param>
internal sealed record WriteResult(WriteOutcome Outcome, long? Version, DateTime? UpdatedAt, DateTime? ExpiresAt, byte[]? Doc, string? Detail)
{
    public bool Succeeded => Outcome <= WriteOutcome.Checked;
}

internal enum WriteOutcome
{
    Created,
    Replaced,
    Deleted,
    Checked,

    // From here on nothing was changed.
    Missing,
    PreconditionFailed,
    InvalidPatch,

    /// <summary>An increment would come to less than its min, or to more than its max.</summary>
    OutOfRange,

    /// <summary>Another item of the partition has the value; the detail names the index.</summary>
    UniqueViolation,

    /// <summary>The keys and the indexed values are too large; the detail names the index.</summary>
    TooLargeForIndex,
    NoCollection,

    /// <summary>The shard does not have what the session knows; the detail names the shard.</summary>
    SessionLost,

    /// <summary>The server is on another timeline than the one by which the session was judged: a takeover is under way.</summary>
    OtherTimeline,
}
