namespace Chaos.Matrix;

/// <summary>The faults while a mover is at a step.</summary>
internal enum MatrixFault
{
    /// <summary>The mover is killed with SIGKILL.</summary>
    KillMover,

    /// <summary>
    /// The mover sleeps past its freeze deadline; a second one takes over and completes the move; then the first wakes up.
    /// </summary>
    TakeOver,

    /// <summary>The source's postmaster is killed with SIGKILL and started again; then the mover continues.</summary>
    KillSource,

    /// <summary>The same at the target.</summary>
    KillTarget,

    /// <summary>Redis loses everything; the mover continues and ends with any result; then the ring is rebuilt.</summary>
    FlushRedis,

    /// <summary>The source's standby, which has streamed until now, takes over.</summary>
    PromoteSource,

    /// <summary>The same at the target.</summary>
    PromoteTarget,

    /// <summary>The source's standby, which stopped receiving some steps before, takes over.</summary>
    PromoteLaggingSource,

    /// <summary>The same at the target.</summary>
    PromoteLaggingTarget,
}
