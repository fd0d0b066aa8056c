namespace ShardRouter.Consistency;

/// <summary>Why a server did not answer a read of a session. A read that a standby refused goes to the primary.</summary>
internal enum ReadRefusal
{
    /// <summary>Standby: it says itself that it is no standby of the present primary.</summary>
    NotAStandby,

    /// <summary>Standby: it has not yet applied what the session has seen.</summary>
    Behind,

    /// <summary>Standby: the epoch under which it owns the slot is older than one that the session has seen.</summary>
    OlderOwnership,

    /// <summary>
    /// The server is on another timeline than the one by which the session was judged. At a primary this means that a takeover is under
    /// way.
    /// </summary>
    OtherTimeline,

    /// <summary>Primary: it lacks something that the session has seen on this very timeline.</summary>
    Lost,
}
