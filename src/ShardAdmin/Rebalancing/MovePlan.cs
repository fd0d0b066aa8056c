using System.Collections.Immutable;
using ShardAdmin.Operations;
using ShardCore.Moves.Batches;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>Slots that move from one shard to another.</summary>
/// <param name="Bytes">The estimated bytes in the slots.</param>
internal sealed record PlannedMove(Shard From, Shard To, ImmutableArray<Slot> Slots, long Bytes);

/// <summary>What a shard owns before and after a plan.</summary>
/// <param name="Before">The number of slots.</param>
/// <param name="BytesBefore">The estimated bytes in the slots.</param>
internal sealed record ShardBalance(string Shard, int Weight, int Before, int After, long BytesBefore, long BytesAfter);

/// <summary>A plan: the slots that move, and the balance before and after. Pure.</summary>
internal sealed record MovePlan(Guid Operation, IReadOnlyList<PlannedMove> Moves, IReadOnlyList<ShardBalance> Balance)
{
    public int Slots => Moves.Sum(move => move.Slots.Length);

    public long Bytes => Moves.Sum(move => move.Bytes);

    /// <param name="shards">The shards after the change.</param>
    /// <param name="owners">The present owner of each slot.</param>
    /// <param name="slotBytes">The estimated bytes of each slot.</param>
    public static MovePlan Of(
        IReadOnlyCollection<Shard> shards, IReadOnlyList<ShardId> owners, IEnumerable<SlotMove> moves, IReadOnlyList<long> slotBytes)
    {
        var byId = shards.ToDictionary(shard => shard.Id);
        PlannedMove[] planned = [.. moves.GroupBy(move => (From: move.From!.Value, move.To))
            .OrderBy(same => same.Key.From).ThenBy(same => same.Key.To)
            .Select(same => new PlannedMove(
                byId[same.Key.From], byId[same.Key.To], [.. same.Select(move => move.Slot).Order()],
                same.Sum(move => slotBytes[move.Slot.Value])))];
        var after = owners.ToArray();
        foreach (var move in planned)
            foreach (var slot in move.Slots)
                after[slot.Value] = move.To.Id;
        return new MovePlan(Guid.NewGuid(), planned, [.. byId.Values.OrderBy(shard => shard.Id).Select(shard => new ShardBalance(
            shard.Id.Value, shard.Weight, owners.Count(owner => owner == shard.Id), after.Count(owner => owner == shard.Id),
            BytesOf(shard.Id, owners, slotBytes), BytesOf(shard.Id, after, slotBytes)))]);
    }

    /// <summary>Cuts the plan into batches, which become final one by one.</summary>
    /// <param name="slots">The largest number of slots in a batch.</param>
    public IEnumerable<SourcedBatch> Batches(int slots) => Moves
        .SelectMany(move => move.Slots.Chunk(slots).Select(
            some => (move.From, move.To, Slots: some, Bytes: move.Bytes * some.Length / move.Slots.Length)))
        .Select((piece, ordinal) => new SourcedBatch(
            piece.From,
            new MoveBatch(Guid.NewGuid(), Operation, ordinal, piece.To.Id, [.. piece.Slots], MovePhase.Planned, 0, null, null),
            piece.Bytes));

    private static long BytesOf(ShardId shard, IReadOnlyList<ShardId> owners, IReadOnlyList<long> slotBytes) =>
        owners.Select((owner, slot) => owner == shard ? slotBytes[slot] : 0).Sum();
}
