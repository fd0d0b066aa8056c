using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary>What people want of the cluster's slots, as a value: it can be planned, written down, and carried out later.</summary>
internal abstract record ClusterChange
{
    /// <summary>The words that ask for it, without those about how: <c>move 0-255 --to s4</c>.</summary>
    public abstract string Command { get; }

    /// <summary>Operations that are not finished come first: they would be in its way.</summary>
    public virtual bool CarriesOn => false;

    /// <summary>What can be told from the ring alone.</summary>
    /// <exception cref="CommandFailedException" />
    public abstract void RequirePossible(ShardRing ring);

    /// <summary>Looks, changes nothing.</summary>
    public abstract Task<MovePlan> PlanAsync(AdminSession session, ShardRing ring, CancellationToken cancellation);

    /// <param name="pinned">The ring must still have this epoch when the first lock is taken; null: only the owners of the slots count.</param>
    /// <returns>How many slots were moved.</returns>
    public abstract Task<int> RunAsync(AdminSession session, SlotRebalance moves, ShardRing ring, MovePlan plan, Epoch? pinned, CancellationToken cancellation);

    /// <summary>The sentence when there was nothing to move.</summary>
    public abstract string Nothing(bool dryRun);
}
