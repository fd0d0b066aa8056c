using System.Text.Json;
using ShardCore.Sessions;
using ShardRouter.Items;
using ShardRouter.Shards;

namespace ShardRouter.Queries;

/// <summary>Asks one shard how many items there are about, by what Postgres knows of the collection's table. It reads no item.</summary>
/// <remarks>
/// 1. How many rows the table has: as many for each page as when it was last analyzed. Before that: as many as Postgres has counted
///    inserts and deletes. A shard's rows cannot be told apart by slot. So a part of its slots has that part of its rows.
/// 2. A partition, bounds of the id and the caller's partitions have the share of the rows that the planner expects.
/// 3. A filter: ANALYZE keeps about a hundred documents of the table, those of up to 1 KiB. The filter has the share of the items that it
///    has of them. The planner itself knows nothing of what is inside a document, unless there is an index on it. It is asked when the
///    filter keeps none of the hundred, and what it says counts up to one of them.
/// </remarks>
internal static class EstimateStatement
{
    /// <param name="call">The session.</param>
    /// <param name="items">Which items.</param>
    /// <param name="asked">The slots that this shard should answer for.</param>
    public static Task<Covered<double>> ExecuteAsync(ShardCall call, ItemSelection items, SlotSet asked) =>
        CollectionSql.ReadAsync(call.Session, items.Collection, table => ExecuteAsync(call, table, items, asked));

    private static async Task<Covered<double>> ExecuteAsync(ShardCall call, string table, ItemSelection items, SlotSet asked)
    {
        var known = await KnownAsync(call, items, asked);
        // The planner would take the partition and what the caller may see for two independent conditions, and tell of what others have.
        var isOthers = items is { PartitionKey: { } pk, Partitions: { } allowed } && !allowed.Any(pattern => pattern.Matches(pk));
        if (known.Slots.IsEmpty || known.Rows == 0 || isOthers)
            return new Covered<double>(known.Slots, 0);
        var rows = items.PartitionKey is null ? known.Rows * known.Slots.Count / known.Owned : known.Rows;
        var hasBounds = items.PartitionKey is not null || items.Bounds.Count > 0 || items.Partitions is not null;
        var all = hasBounds || (items.Filter is not null && known.Kept is null or 0) ? await PlannedAsync(call, table, null, false) : 0;
        if (hasBounds)
            rows *= await PlannedAsync(call, table, items, withFilter: false) / all;
        if (items.Filter is null)
            return new Covered<double>(known.Slots, rows);
        if (known.Kept is > 0 and { } share)
            return new Covered<double>(known.Slots, rows * share);
        var planned = known.Rows * await PlannedAsync(call, table, items, withFilter: true) / all;
        return new Covered<double>(known.Slots, known.Sampled > 0 ? Math.Min(planned, rows / known.Sampled) : planned);
    }

    private static async Task<Known> KnownAsync(ShardCall call, ItemSelection items, SlotSet asked)
    {
        await using var command = call.Connection.CreateCommand();
        var sql = new ItemsSql(command, "sample");
        var mine = sql.Mine(asked, counts: false);
        command.CommandText = $"""
            {mine}, sample as (
                select d.doc, d.share from pg_stats s cross join lateral (
                    select m.doc, m.share from unnest(s.most_common_vals::text::jsonb[], s.most_common_freqs::float8[]) m (doc, share)
                    union all
                    select h.doc, (1 - coalesce((select sum(f) from unnest(s.most_common_freqs::float8[]) f), 0)) / count(*) over ()
                    from unnest(s.histogram_bounds::text::jsonb[]) h (doc)
                ) d
                where s.schemaname = 'sharding_items' and s.tablename = {sql.Add(items.Collection)} and s.attname = 'doc'
            )
            select {ItemsSql.SlotsText}, (select count(*) from sharding.slot_ownership o where o.state in ('owned', 'frozen')),
                   coalesce(case when c.reltuples >= 0 and c.relpages > 0
                                 then c.reltuples::float8 / c.relpages * (pg_relation_size(c.oid) / current_setting('block_size')::int)
                                 else pg_stat_get_live_tuples(c.oid)::float8 end, 0),
                   (select coalesce(sum(i.share) filter (where {sql.Keeps(items.Filter)}), 0) / sum(i.share) from sample i),
                   (select count(*) from sample)
            from mine m left join pg_class c on c.oid = to_regclass({sql.Add(CollectionSql.NameOf(items.Collection))})
            """;
        var known = await command.ReadAllAsync(
            row => new Known(
                ItemsSql.SlotsOf(row.GetString(0), asked), row.GetInt64(1), row.GetDouble(2),
                row.IsDBNull(3) ? null : row.GetDouble(3), row.GetInt64(4)),
            CancellationToken.None);
        return known[0];
    }

    /// <returns>How many rows the planner expects. At least one: it never expects none.</returns>
    private static async Task<double> PlannedAsync(ShardCall call, string table, ItemSelection? items, bool withFilter)
    {
        await using var command = call.Connection.CreateCommand();
        var sql = new ItemsSql(command, table);
        // Not the slot too: the planner would take it for a second, independent condition.
        var where = items?.PartitionKey is { } pk ? $" and i.pk = {sql.Add(pk)}" : "";
        where += items is null ? "" : sql.Bounds(items);
        where += withFilter ? $" and {sql.Keeps(items!.Filter)}" : "";
        command.CommandText = $"explain (format json) select 1 from {sql.Table} i where true{where}";
        using var plan = JsonDocument.Parse((await command.ReadValueAsync<string>(CancellationToken.None))!);
        return Math.Max(plan.RootElement[0].GetProperty("Plan").GetProperty("Plan Rows").GetDouble(), 1);
    }

    /// <param name="Slots">Those of the asked ones that the shard owns.</param>
    /// <param name="Owned">How many slots it owns altogether.</param>
    /// <param name="Rows">How many rows the table has.</param>
    /// <param name="Kept">The share of the sampled documents that the filter keeps; null: none are known.</param>
    /// <param name="Sampled">How many documents are known.</param>
    private sealed record Known(SlotSet Slots, long Owned, double Rows, double? Kept, long Sampled);
}
