using ShardAdmin.Operations;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Journal;

namespace ShardAdmin.Agents;

/// <summary>What an agent does with an unfinished operation.</summary>
internal enum AgentDecision
{
    /// <summary>Leave it alone: another process works on it, or somebody paused it.</summary>
    Leave,

    /// <summary>Continue it: nobody works on it.</summary>
    CarryOn,

    /// <summary>Take it over: the process that holds its lock hangs.</summary>
    TakeOver,
}

/// <summary>Decides from the journals' contents what an agent does. A pure function.</summary>
internal static class AgentRules
{
    /// <param name="batches">The unfinished batches of one operation.</param>
    /// <param name="takeOverAfter">
    /// A mover that has not reported for this time hangs. Movers report once a second; each shard measures the time since the last report
    /// by its own clock. If a report was only late, the take-over does no harm: the old mover fails at its next compare-and-set, and the
    /// new mover copies its rows again.
    /// </param>
    public static AgentDecision Decide(IReadOnlyCollection<SourcedBatch> batches, TimeSpan takeOverAfter)
    {
        if (Due(batches).Count == 0 && batches.All(batch => batch.Wanted != MoveWish.Cancel))
            return AgentDecision.Leave;
        if (!batches.Any(batch => batch.IsHeld))
            return AgentDecision.CarryOn;
        return batches.Min(batch => batch.Unseen) >= takeOverAfter ? AgentDecision.TakeOver : AgentDecision.Leave;
    }

    /// <summary>
    /// Returns the batches that have to run. If the operation is wanted to run: all. If it is cancelled: the released ones, because a
    /// release cannot be taken back. If it is paused: the released ones that are not compared yet, because perhaps no shard serves their
    /// slots; deleting old rows can wait. A disputed batch never runs: a person decides about it.
    /// </summary>
    public static IReadOnlyList<SourcedBatch> Due(IReadOnlyCollection<SourcedBatch> batches) =>
    [
        .. batches.Where(batch => batch.Batch.Disputed is null && batch.Wanted switch
        {
            MoveWish.Run => true,
            MoveWish.Pause => batch.Batch.IsReleased() && batch.Batch.Phase != MovePhase.Verified,
            _ => batch.Batch.IsReleased(),
        }),
    ];
}
