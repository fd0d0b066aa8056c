using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Shards;
using ShardCore.Ring;

namespace ShardAdmin.Operations;

/// <summary>
/// Repairs slots with two owners, of which one lost the release. This source handed the slots over, but then it was restored, or a standby
/// took over, from a moment before the batch came into its journal: it has lost the whole batch and owns the slots again. The target still
/// remembers the batch and owns the slots. This class puts the batch back into the source's journal; a mover that continues the batch
/// releases the slots at the source again.
/// </summary>
internal sealed class LostReleases(AdminSession session)
{
    /// <summary>Of several batches that brought a slot to the shard, this finds the one by which the shard owns the slot now.</summary>
    private const string RecordsSql = """
        select r.move_id as Id, r.slots as Slots, r.attempt as Attempt, r.owned_epoch as Epoch
        from (select move_id, source, slots, attempt, owned_epoch from sharding.move_import
              union all
              select move_id, source, slots, attempt, owned_epoch from sharding.move_import_over) r
        where r.source = @source and r.slots && @slots
          and not exists (select from unnest(r.slots) s left join sharding.slot_ownership o on o.slot = s
                          where o.state is null or o.state not in ('owned', 'frozen') or o.epoch is distinct from r.owned_epoch)
        """;

    private const string PutBackSql = """
        insert into sharding.move (move_id, operation_id, ordinal, target, slots, attempt, command, planned_by, started_by)
        select @Id, @Id, 0, @target, @Slots, @Attempt, 'a release that this shard lost', @who, @who
        where not exists (select from sharding.move where move_id = @Id)
          and not exists (select from unnest(@Slots) s left join sharding.slot_ownership o on o.slot = s
                          where o.state is distinct from 'owned' or o.epoch >= @Epoch)
        """;

    /// <returns>How many batches were put back.</returns>
    public async Task<int> PutBackAsync(IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var map = await ClusterOwnership.ReadAsync(session, shards, cancellation);
        var lost = map.OwnedTwice.SelectMany(each => Older(map, each.Slot, each.Owners).Select(owner => (Owner: owner, each.Slot)))
            .ToLookup(each => each.Owner, each => (short)each.Slot.Value);
        var count = 0;
        foreach (var same in lost)
            foreach (var target in shards.Where(shard => shard.Id != same.Key))
                count += await PutBackAsync(shards.First(shard => shard.Id == same.Key), target, [.. same], cancellation);
        return count;
    }

    private static IEnumerable<ShardId> Older(OwnershipMap map, Slot slot, IReadOnlyList<ShardId> owners)
    {
        var latest = owners.Max(owner => map.EpochOf(slot, owner).Value);
        return owners.Where(owner => map.EpochOf(slot, owner).Value < latest);
    }

    private async Task<int> PutBackAsync(Shard source, Shard target, short[] slots, CancellationToken cancellation)
    {
        await using var to = await Reach.ShardAsync(target, async () => await session.Source(target).OpenAsync(cancellation));
        var records = (await to.QueryAsync<Record>(
            new CommandDefinition(RecordsSql, new { source = source.Id.Value, slots }, cancellationToken: cancellation))).AsList();
        if (records.Count == 0)
            return 0;
        await using var from = await Reach.ShardAsync(source, async () => await session.Source(source).OpenAsync(cancellation));
        var count = 0;
        foreach (var record in records)
            count += await from.ExecuteAsync(new CommandDefinition(
                PutBackSql,
                new { record.Id, target = target.Id.Value, record.Slots, record.Attempt, record.Epoch, who = AdminSession.Who },
                cancellationToken: cancellation));
        return count;
    }

    /// <summary>
    /// Dapper fills the properties. A constructor would not do: Dapper compares its parameters' exact types, and the type of an array
    /// column is only "array".
    /// </summary>
    private sealed class Record
    {
        public Guid Id { get; init; }
        public short[] Slots { get; init; } = [];
        public int Attempt { get; init; }
        public long Epoch { get; init; }
    }
}
