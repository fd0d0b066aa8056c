namespace ShardRouter.Items;

/// <summary>What became of one <see cref="WriteOperation"/>.</summary>
/// <param name="Version">After a success the new version; after a failed condition the current one, if there is one.</param>
/// <param name="Detail">Why a patch cannot be applied.</param>
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
    NoCollection,

    /// <summary>The shard does not have what the session knows; the detail names the shard.</summary>
    SessionLost,

    /// <summary>The server is on another timeline than the session was judged by: somebody takes over just now.</summary>
    OtherTimeline,
}
