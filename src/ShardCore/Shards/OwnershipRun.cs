using ShardCore.Ring;

namespace ShardCore.Shards;

/// <summary>Neighbouring slots about which one shard says the same, both ends included.</summary>
/// <param name="Epoch">The epoch of the ring in which this state began.</param>
/// <param name="Peer">Released: the new owner. Importing: the source.</param>
/// <param name="FrozenUntil">Frozen: after this time any process may thaw the slot.</param>
/// <param name="VersionFloor">The highest floor of the run: versions that the shard gives are above it.</param>
public sealed record OwnershipRun(
    Slot First, Slot Last, OwnershipState State, Epoch Epoch, ShardId? Peer, DateTime? FrozenUntil, long VersionFloor)
{
    public int Length => Last.Value - First.Value + 1;

    /// <summary>Whether the shard owns these slots. A frozen slot has an owner too: the shard that froze it.</summary>
    public bool IsOwner => State is OwnershipState.Owned or OwnershipState.Frozen;

    /// <summary>Whether the next run begins where this one ends and says the same, except for the version floor.</summary>
    public bool GoesOnWith(OwnershipRun next) =>
        next with { First = First, Last = Last, VersionFloor = VersionFloor } == this && next.First.Value == Last.Value + 1;

    public IEnumerable<Slot> Slots => Enumerable.Range(First.Value, Length).Select(slot => new Slot(slot));
}
