namespace ShardCore.RingStorage;

/// <summary>What became of a compare-and-set of the ring.</summary>
public enum RingPublishResult
{
    Published,

    /// <summary>Another ring stands there; nothing was changed. Read it and plan again.</summary>
    Conflict,

    /// <summary>What stands there is no ring; nothing was changed. <c>ring rebuild</c> makes a new one.</summary>
    Unreadable,
}
