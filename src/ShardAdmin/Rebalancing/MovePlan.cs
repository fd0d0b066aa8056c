using System.Collections.Immutable;
using ShardCore.Moves;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>Slots that go from one shard to another.</summary>
/// <param name="Bytes">Estimated: the source's table by the share of its slots that go.</param>
internal sealed record PlannedMove(Shard From, Shard To, ImmutableArray<Slot> Slots, long Bytes);

/// <param name="Before">Slots owned.</param>
internal sealed record ShardBalance(string Shard, int Weight, int Before, int After);

/// <summary>What is to be moved, and what the balance is before and after. Pure.</summary>
internal sealed record MovePlan(Guid Operation, IReadOnlyList<PlannedMove> Moves, IReadOnlyList<ShardBalance> Balance)
{
    public int Slots => Moves.Sum(move => move.Slots.Length);

    public long Bytes => Moves.Sum(move => move.Bytes);

    /// <param name="shards">Those that are to be.</param>
    /// <param name="owners">Of each slot now.</param>
    /// <param name="tableBytes">Of each source's items.</param>
    public static MovePlan Of(
        IReadOnlyCollection<Shard> shards, IReadOnlyList<ShardId> owners, IEnumerable<SlotMove> moves, IReadOnlyDictionary<ShardId, long> tableBytes)
    {
        var byId = shards.ToDictionary(shard => shard.Id);
        var before = owners.CountBy(owner => owner).ToDictionary(each => each.Key, each => each.Value);
        PlannedMove[] planned = [.. moves.GroupBy(move => (From: move.From!.Value, move.To)).OrderBy(same => same.Key.From).ThenBy(same => same.Key.To).Select(same => new PlannedMove(
            byId[same.Key.From], byId[same.Key.To], [.. same.Select(move => move.Slot).Order()],
            tableBytes.GetValueOrDefault(same.Key.From) * same.Count() / before[same.Key.From]))];
        return new MovePlan(Guid.NewGuid(), planned, [.. byId.Values.OrderBy(shard => shard.Id).Select(shard => new ShardBalance(
            shard.Id.Value, shard.Weight, before.GetValueOrDefault(shard.Id),
            before.GetValueOrDefault(shard.Id) + planned.Where(move => move.To.Id == shard.Id).Sum(move => move.Slots.Length) - planned.Where(move => move.From.Id == shard.Id).Sum(move => move.Slots.Length)))]);
    }

    /// <summary>In pieces that become final one by one, each with its source.</summary>
    public IEnumerable<SourcedBatch> Batches() => Moves
        .SelectMany(move => move.Slots.Chunk(MoveBatch.MaxSlots).Select(slots => (move.From, move.To, slots, Bytes: move.Bytes * slots.Length / move.Slots.Length)))
        .Select((piece, ordinal) => new SourcedBatch(
            piece.From, new MoveBatch(Guid.NewGuid(), Operation, ordinal, piece.To.Id, [.. piece.slots], MovePhase.Planned, 0, null, null), piece.Bytes));
}
