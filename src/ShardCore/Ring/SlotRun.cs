namespace ShardCore.Ring;

/// <summary>Neighbouring slots with one owner, both ends included: how a ring is written down.</summary>
public readonly record struct SlotRun(Slot First, Slot Last, ShardId Owner)
{
    public int Length => Last.Value - First.Value + 1;
}
