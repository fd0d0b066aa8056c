namespace ShardRouter.Outcomes;

/// <summary>Why there is no answer from a shard. Only after <see cref="OutcomeUnknown"/> may something have changed.</summary>
internal enum ShardFailure
{
    /// <summary>The shard is not reachable, shutting down, not a primary, or without our schema. Nothing was applied.</summary>
    Unavailable,

    /// <summary>Too many requests wait for this shard already. Nothing was applied.</summary>
    Overloaded,

    /// <summary>The request's time was over, and it is certain that nothing was applied.</summary>
    DeadlineExceeded,

    /// <summary>The router has never seen a ring, or the ring has no shard. Nothing was applied.</summary>
    RingUnavailable,

    /// <summary>The slot is being handed over, and that takes longer than requests are held. Nothing was applied.</summary>
    SlotMoving,

    /// <summary>The write was sent and no answer came. It may have been applied or not. The router never repeats it.</summary>
    OutcomeUnknown,

    /// <summary>An ERROR that we did not foresee: a defect of ours, or of the shard's data. Nothing was applied.</summary>
    Defect,
}
