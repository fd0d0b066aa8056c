using ShardCore.Ring;

namespace ShardCore.Shards;

/// <summary>Neighbouring slots of which one shard says the same, both ends included.</summary>
/// <param name="Epoch">Of the ring in which this state came about.</param>
/// <param name="Peer">Released: the new owner. Importing: the source.</param>
/// <param name="FrozenUntil">Frozen: after this anybody may thaw it.</param>
/// <param name="VersionFloor">The highest of the run: versions given here are above it.</param>
public sealed record OwnershipRun(
    Slot First, Slot Last, OwnershipState State, Epoch Epoch, ShardId? Peer, DateTime? FrozenUntil, long VersionFloor)
{
    public int Length => Last.Value - First.Value + 1;

    /// <summary>A frozen slot has an owner all the same: the one that froze it.</summary>
    public bool IsOwner => State is OwnershipState.Owned or OwnershipState.Frozen;

    /// <summary>Whether the other begins where this one ends and says the same, the floor apart.</summary>
    public bool GoesOnWith(OwnershipRun next) => next with { First = First, Last = Last, VersionFloor = VersionFloor } == this && next.First.Value == Last.Value + 1;

    public IEnumerable<Slot> Slots => Enumerable.Range(First.Value, Length).Select(slot => new Slot(slot));
}
