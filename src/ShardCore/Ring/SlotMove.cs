namespace ShardCore.Ring;

/// <summary>One slot to be taken from one shard (none: it has no owner yet) to another.</summary>
public readonly record struct SlotMove(Slot Slot, ShardId? From, ShardId To);
