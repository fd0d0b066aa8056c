namespace ShardCore.Moves.Batches;

/// <summary>
/// The state machine of a batch, as far as a mover decides anything. It is a pure function of the phase in the source's journal. What a
/// mover remembers never decides. After each piece of work the mover looks into the journal again, so it does not matter who did that
/// piece.
/// </summary>
/// <remarks>The exhaustive search in the tests runs this class and a model of the SQL functions.</remarks>
internal static class MoveDecision
{
    /// <param name="phase">Null: the batch is not in the journal.</param>
    /// <param name="isDisputed">Source and target do not fit together.</param>
    public static MoveWork Next(MovePhase? phase, bool isDisputed) => isDisputed ? MoveWork.Stop : phase switch
    {
        null => MoveWork.Nothing,
        MovePhase.Planned or MovePhase.Copying or MovePhase.Frozen => MoveWork.CopyAndRelease,
        MovePhase.Released => MoveWork.Own,
        MovePhase.Owned => MoveWork.Publish,
        MovePhase.Published => MoveWork.Verify,
        MovePhase.Verified => MoveWork.CleanAndFinish,
        _ => throw new ArgumentOutOfRangeException(nameof(phase), phase, "not a phase"),
    };

    public static MoveWork Next(MoveBatch batch) => Next(batch.Phase, batch.Disputed is not null);

    /// <summary>
    /// Whether a mover may stop here and leave the rest to others: every slot has its owner, and the ring names that owner.
    /// </summary>
    public static bool MayStop(MoveBatch batch) => Next(batch) is MoveWork.CopyAndRelease or MoveWork.CleanAndFinish or MoveWork.Stop;

    /// <summary>
    /// Whether the batch may be cancelled. Before the point of no return the source is the owner, and anybody may cancel.
    /// </summary>
    public static bool MayCancel(MovePhase? phase) => Next(phase, isDisputed: false) == MoveWork.CopyAndRelease;
}
