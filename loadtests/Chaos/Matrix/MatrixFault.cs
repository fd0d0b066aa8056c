namespace LoadTests.Chaos.Matrix;

/// <summary>What happens while a mover stands at a step.</summary>
internal enum MatrixFault
{
    /// <summary>SIGKILL to the mover.</summary>
    KillMover,

    /// <summary>The mover sleeps past its freeze deadline, a second one takes over and finishes, then the first wakes up.</summary>
    TakeOver,

    /// <summary>SIGKILL to the source's postmaster, which is started again; then the mover goes on.</summary>
    KillSource,

    /// <summary>The same at the target.</summary>
    KillTarget,

    /// <summary>Redis loses everything, the mover goes on and ends as it can; then the ring is rebuilt.</summary>
    FlushRedis,

    /// <summary>The source's standby, which streamed until then, takes over.</summary>
    PromoteSource,

    /// <summary>The same at the target.</summary>
    PromoteTarget,

    /// <summary>The source's standby takes over, and had stopped receiving some steps before.</summary>
    PromoteLaggingSource,

    /// <summary>The same at the target.</summary>
    PromoteLaggingTarget,
}
