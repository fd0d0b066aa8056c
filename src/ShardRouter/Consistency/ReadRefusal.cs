namespace ShardRouter.Consistency;

/// <summary>Why a server did not answer a read of a session. From a standby the read then goes to the primary.</summary>
internal enum ReadRefusal
{
    /// <summary>Standby: it is no standby of the present primary, by its own word.</summary>
    NotAStandby,

    /// <summary>Standby: it has not applied yet what the session has seen.</summary>
    Behind,

    /// <summary>Standby: it owns the slot as of an earlier time than the session has seen.</summary>
    OlderOwnership,

    /// <summary>The server is on another timeline than the session was judged by. A primary: somebody takes over just now.</summary>
    OtherTimeline,

    /// <summary>Primary: it does not have what the session has seen of this very timeline.</summary>
    Lost,
}
