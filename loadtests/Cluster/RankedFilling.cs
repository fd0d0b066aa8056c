using LoadTests.Benches;
using Npgsql;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>Makes the items of queries, each in the shard that owns its slot, and their indexes.</summary>
internal static class RankedFilling
{
    // As in MovedRows: both keys consist of digits, and the rows are sorted by slot, like a table that grew by moves.
    private const string InsertOwned = """
        insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
        select (extract(epoch from clock_timestamp()) * 1000000)::bigint, clock_timestamp(), slot, $1, n::text, n::text,
               jsonb_build_object('n', n, 'rank', n, 'group', 'g' || lpad((n % 100)::text, 2, '0'), 'note', $2::text)
        from (select n, o.slot
              from generate_series($3::integer, $4::integer) n
              join sharding.slot_ownership o on o.slot = sharding.slot_of(n::text) and o.state = 'owned') owned
        order by slot
        """;

    public static async Task FillAsync(
        ClusterStatus cluster, RankedItems items, CancellationToken cancellation, params IReadOnlyList<ItemIndex> indexes)
    {
        await ItemFilling.CreateCollectionAsync(cluster.Routers[0].Url, items.Collection, cancellation);
        foreach (var shard in cluster.Shards)
            await FillAsync(shard, items, cancellation);
        foreach (var index in indexes)
            await IndexBuild.RunAsync(cluster, items.Collection, index, cancellation);
        foreach (var shard in cluster.Shards)
            await ItemFilling.SettleAsync(shard, cancellation); // after the indexes: Postgres has figures of an expression only then
    }

    private static async Task FillAsync(ShardServer address, RankedItems items, CancellationToken cancellation)
    {
        await using var shard = new NpgsqlConnection(address.ConnectionString);
        await shard.OpenAsync(cancellation);
        await using var insert = new NpgsqlCommand(InsertOwned, shard)
        {
            CommandTimeout = 1800,
            Parameters =
            {
                new() { Value = items.Collection }, new() { Value = RankedItems.Note },
                new() { Value = RankedItems.First }, new() { Value = items.Last },
            },
        };
        await insert.ExecuteNonQueryAsync(cancellation);
    }
}
