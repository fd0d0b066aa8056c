using LoadTests.Benches;
using Npgsql;
using ShardCore.Collections;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>Makes and reads the rows of the benches that move slots.</summary>
internal static class MovedRows
{
    // As in ItemFilling: both keys consist of digits, and the rows are sorted by slot, like a table that grew by moves.
    private const string InsertOwned = """
        insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
        select (extract(epoch from clock_timestamp()) * 1000000)::bigint, clock_timestamp(), slot, $1, n::text, n::text, concat($2::text, n, $3::text)::jsonb
        from (select n, o.slot
              from generate_series($4::integer, $5::integer) n join sharding.slot_ownership o on o.slot = sharding.slot_of(n::text) and o.state = 'owned'
              limit $6) owned
        order by slot
        """;

    /// <summary>Makes items from <see cref="BenchItems.First"/> on, in the slots that the shard owns.</summary>
    /// <param name="lastItem">The last item that may be made.</param>
    public static async Task FillAsync(ShardServer address, int lastItem, int rows, CancellationToken cancellation)
    {
        await using var shard = new NpgsqlConnection(address.ConnectionString);
        await shard.OpenAsync(cancellation);
        await using (var insert = new NpgsqlCommand(InsertOwned, shard)
        {
            CommandTimeout = 1800,
            Parameters =
            {
                new() { Value = BenchItems.Collection }, new() { Value = BenchItems.DocumentBegin }, new() { Value = BenchItems.DocumentEnd },
                new() { Value = BenchItems.First }, new() { Value = lastItem }, new() { Value = rows },
            },
        })
            await insert.ExecuteNonQueryAsync(cancellation);
        await ItemFilling.SettleAsync(address, cancellation);
    }

    /// <summary>The items of a shard, in no order.</summary>
    public static Task<IReadOnlyList<int>> ItemsAsync(ShardServer shard, CancellationToken cancellation) =>
        ListAsync<int>(shard, "select pk::integer from sharding.item", cancellation);

    public static async Task<IReadOnlyList<int>> OwnedSlotsAsync(ShardServer shard, CancellationToken cancellation) =>
        await ListAsync<int>(shard, "select slot::integer from sharding.slot_ownership where state = 'owned' order by slot", cancellation);

    /// <summary>The size of the table with its index.</summary>
    public static async Task<long> BytesAsync(ShardServer shard, CancellationToken cancellation) =>
        (await ListAsync<long>(shard, $"select {ItemPartitions.TotalBytes}", cancellation))[0];

    public static async Task<IReadOnlyList<T>> ListAsync<T>(ShardServer address, string sql, CancellationToken cancellation)
    {
        await using var shard = new NpgsqlConnection(address.ConnectionString);
        await shard.OpenAsync(cancellation);
        await using var command = new NpgsqlCommand(sql, shard) { CommandTimeout = 300 };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var list = new List<T>();
        while (await reader.ReadAsync(cancellation))
            list.Add(reader.GetFieldValue<T>(0));
        return list;
    }
}
