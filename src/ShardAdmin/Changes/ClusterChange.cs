using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary>A change of the cluster that a person wants, as a value: it can be planned, written down, and carried out later.</summary>
internal abstract record ClusterChange
{
    /// <summary>The command that asks for the change, without options about how to run it: <c>move 0-255 --to s4</c>.</summary>
    public abstract string Command { get; }

    /// <summary>Whether unfinished operations are continued first, because they would be in the way of this change.</summary>
    public virtual bool CarriesOn => false;

    /// <summary>Checks the conditions that can be seen from the ring alone.</summary>
    /// <exception cref="CommandFailedException" />
    public abstract void RequirePossible(ShardRing ring);

    /// <summary>Makes the plan. Changes nothing.</summary>
    public abstract Task<MovePlan> PlanAsync(AdminSession session, ShardRing ring, CancellationToken cancellation);

    /// <param name="pinned">The ring must still have this epoch when the first lock is taken; null: only the owners of the slots
    /// count.</param>
    /// <returns>How many slots were moved.</returns>
    public abstract Task<int> RunAsync(
        AdminSession session, SlotRebalance moves, ShardRing ring, MovePlan plan, Epoch? pinned, CancellationToken cancellation);

    /// <summary>The sentence that people see when there was nothing to move.</summary>
    public abstract string Nothing(bool dryRun);
}
