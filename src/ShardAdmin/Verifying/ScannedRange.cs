using ShardCore.Moves.HandingOver;

namespace ShardAdmin.Verifying;

/// <summary>The contents of a range of slots in one shard, read in one snapshot; a line of a <see cref="VerifyFile"/>.</summary>
/// <param name="First">The first number, as stored in rows; it need not be the number of a slot.</param>
/// <param name="Slots">The slots that have rows.</param>
internal sealed record ScannedRange(string Shard, int First, int Last, IReadOnlyList<ScannedSlot> Slots);

/// <param name="State">The state of the ownership in this snapshot; null: the shard has no entry for this slot.</param>
/// <param name="Checksum">See <see cref="SlotChecksums"/>.</param>
/// <param name="Misplaced">The number of rows whose partition key belongs to another slot.</param>
/// <param name="Example">The partition key of one of these rows.</param>
internal sealed record ScannedSlot(int Slot, string? State, long Rows, string Checksum, long Misplaced, string? Example)
{
    /// <summary>Whether this shard serves the rows.</summary>
    public bool IsServed => State is "owned" or "frozen";

    /// <summary>The slot with further rows of it, from other partitions and the same snapshot.</summary>
    public ScannedSlot With(ScannedSlot more) => this with
    {
        Rows = Rows + more.Rows,
        Checksum = SlotChecksums.Add(Checksum, more.Checksum),
        Misplaced = Misplaced + more.Misplaced,
        Example = Example ?? more.Example,
    };
}
