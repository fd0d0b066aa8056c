namespace ShardRouter.Shards;

/// <summary>Why there is no answer from a shard. Only <see cref="OutcomeUnknown"/> may have changed something.</summary>
internal enum ShardFailure
{
    /// <summary>Not reachable, shutting down, not a primary, or without our schema. Nothing was applied.</summary>
    Unavailable,

    /// <summary>Too many requests wait for this shard already. Nothing was applied.</summary>
    Overloaded,

    /// <summary>The request's time was over, and the shard confirmed that nothing was applied.</summary>
    DeadlineExceeded,

    /// <summary>No ring was ever seen, or it has no shard. Nothing was applied.</summary>
    RingUnavailable,

    /// <summary>The slot is being handed over and that lasted longer than requests are held. Nothing was applied.</summary>
    SlotMoving,

    /// <summary>The write was sent and no answer came: it may have landed or not. Never repeated by us.</summary>
    OutcomeUnknown,

    /// <summary>An ERROR that we did not foresee: a defect of ours, or of the shard's data. Nothing was applied.</summary>
    Defect,
}
