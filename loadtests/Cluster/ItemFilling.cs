using System.Globalization;
using System.Text;
using LoadTests.Benches;
using LoadTests.Http;
using Npgsql;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>Makes the collection through the API, and the items directly in the shard: this takes seconds instead of a minute.</summary>
internal static class ItemFilling
{
    // Both keys consist of digits, so no text needs escaping. The rows are sorted by slot, like a table that grew by moves.
    private const string InsertAll = """
        insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
        select (extract(epoch from clock_timestamp()) * 1000000)::bigint, clock_timestamp(), sharding.slot_of(n::text), $1, n::text, n::text,
               concat($2::text, n, $3::text)::jsonb
        from generate_series($4::integer, $5::integer) n
        order by 3
        """;

    public static async Task FillAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        await CreateCollectionAsync(cluster.Routers[0].Url, cancellation);
        await using var shard = new NpgsqlConnection(cluster.Shard.ConnectionString);
        await shard.OpenAsync(cancellation);
        await using (var insert = new NpgsqlCommand(InsertAll, shard)
        {
            CommandTimeout = 300,
            Parameters =
            {
                new() { Value = BenchItems.Collection }, new() { Value = BenchItems.DocumentBegin }, new() { Value = BenchItems.DocumentEnd },
                new() { Value = BenchItems.First }, new() { Value = BenchItems.Last },
            },
        })
            await insert.ExecuteNonQueryAsync(cancellation);
        await SettleAsync(cluster.Shard, cancellation);
    }

    /// <summary>Makes the items of all benches, each in the shard that owns its slot.</summary>
    public static async Task FillAllAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        await CreateCollectionAsync(cluster.Routers[0].Url, cancellation);
        foreach (var shard in cluster.Shards)
            await MovedRows.FillAsync(shard, BenchItems.Last, BenchItems.Count, cancellation);
    }

    /// <summary>Puts items through the API, one after the other: for the few items with other partitions or sizes.</summary>
    public static async Task PutAsync(Uri router, ItemSet items, CancellationToken cancellation)
    {
        var put = new PutItem(items);
        await using var connection = new HttpConnection(router, items.RequestBytes);
        await connection.OpenAsync(cancellation);
        for (var item = items.First; item < items.First + items.Count; item++)
        {
            cancellation.ThrowIfCancellationRequested();
            var answer = await connection.ExchangeAsync(put.Write(connection.Request, item));
            if (answer.Status != 201)
                throw RequestText.Wrong("PUT", item, answer);
        }
    }

    /// <summary>
    /// Does the vacuum and the checkpoint now, which would otherwise begin by themselves during a measurement.
    /// </summary>
    public static async Task SettleAsync(ShardServer address, CancellationToken cancellation)
    {
        await using var shard = new NpgsqlConnection(address.ConnectionString);
        await shard.OpenAsync(cancellation);
        foreach (var statement in (string[])["vacuum (analyze) sharding.item", "checkpoint"])
        {
            await using var command = new NpgsqlCommand(statement, shard) { CommandTimeout = 300 };
            await command.ExecuteNonQueryAsync(cancellation);
        }
    }

    public static async Task SettleAsync(CancellationToken cancellation, params IReadOnlyList<ShardServer> shards)
    {
        foreach (var shard in shards)
            await SettleAsync(shard, cancellation);
    }

    public static Task CreateCollectionAsync(Uri router, CancellationToken cancellation) =>
        CreateCollectionAsync(router, BenchItems.Collection, cancellation);

    public static async Task CreateCollectionAsync(Uri router, string name, CancellationToken cancellation)
    {
        await using var connection = new HttpConnection(router);
        await connection.OpenAsync(cancellation);
        var request = string.Create(
            CultureInfo.InvariantCulture,
            $"PUT /v1/collections/{name} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}");
        var answer = await connection.ExchangeAsync(Encoding.ASCII.GetBytes(request, connection.Request));
        if (answer.Status != 201)
            throw new WrongAnswerException($"The collection could not be made: {answer.Status} {Encoding.UTF8.GetString(answer.Body.Span)}");
    }
}
