using ShardAdmin.Rebalancing;
using ShardCore.Moves;
using ShardCore.Moves.Journal;

namespace ShardAdmin.Agents;

/// <summary>What an agent does with an operation that is not finished.</summary>
internal enum AgentDecision
{
    /// <summary>Another process works on it, or somebody paused it.</summary>
    Leave,

    /// <summary>Nobody works on it.</summary>
    CarryOn,

    /// <summary>Somebody has it and does not move any more.</summary>
    TakeOver,
}

/// <summary>Pure: from what the journals say to what is done.</summary>
internal static class AgentRules
{
    /// <param name="batches">Of one operation, those that are not finished.</param>
    /// <param name="takeOverAfter">
    /// Movers report once a second, each shard telling the time since by its own clock. A report that was late does no harm: the
    /// one that is taken over from fails at its next compare-and-set, and what it copied is copied again.
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
    /// Those to be run: all of them; if the operation is cancelled, what was released; if it is paused, of that only what is not
    /// compared yet, whose slots may have nobody who serves them: deleting old rows can wait. Never one that is disputed: that is for a
    /// person.
    /// </summary>
    public static IReadOnlyList<SourcedBatch> Due(IReadOnlyCollection<SourcedBatch> batches) => [.. batches.Where(batch => batch.Batch.Disputed is null && batch.Wanted switch
    {
        MoveWish.Run => true,
        MoveWish.Pause => batch.Batch.IsReleased() && batch.Batch.Phase != MovePhase.Verified,
        _ => batch.Batch.IsReleased(),
    })];
}
