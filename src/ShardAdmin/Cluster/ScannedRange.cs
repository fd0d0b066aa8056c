namespace ShardAdmin.Cluster;

/// <summary>What one shard holds in neighbouring slots, all of one snapshot; a line of a <see cref="VerifyFile"/>.</summary>
/// <param name="First">As stored: it need not be a slot at all.</param>
/// <param name="Slots">Those in which a row stands.</param>
internal sealed record ScannedRange(string Shard, int First, int Last, IReadOnlyList<ScannedSlot> Slots);

/// <param name="State">Of the ownership at that snapshot; null: the shard says nothing of this slot.</param>
/// <param name="Checksum">See <see cref="ShardCore.Moves.HandingOver.SlotChecksums"/>.</param>
/// <param name="Misplaced">Rows whose partition key belongs to another slot.</param>
/// <param name="Example">The partition key of one of them.</param>
internal sealed record ScannedSlot(int Slot, string? State, long Rows, string Checksum, long Misplaced, string? Example)
{
    /// <summary>These rows are served here.</summary>
    public bool IsServed => State is "owned" or "frozen";
}
