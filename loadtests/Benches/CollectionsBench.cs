using System.Diagnostics;
using System.Globalization;
using LoadTests.Cluster;
using LoadTests.Http;
using Npgsql;
using Workbench;

namespace LoadTests.Benches;

/// <summary>
/// Measures what many collections cost: GET and PUT of one collection beside 500 others, and of items that are spread over these 500, are
/// compared with a cluster that has one collection only. Then it tells the locks that statements take, and the memory of a session.
/// </summary>
internal sealed class CollectionsBench : IBench
{
    private const int Others = 500;

    private static readonly ItemSet[] Spread = [.. Enumerable.Range(0, Others).Select(number => ItemSet.Bench with { Collection = NameOf(number) })];

    private static readonly RequestMix SpreadGets = new((new SpreadItem(ItemSet.Bench, [.. Spread.Select(set => new GetItem(set))]), 100));

    private static readonly RequestMix SpreadPuts = new((new SpreadItem(ItemSet.Bench, [.. Spread.Select(set => new PutItem(set))]), 100));

    public string Name => "collections";

    public string Description => "GET and PUT beside 500 collections, and spread over them, beside a cluster with one collection";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var alone = await BenchCluster.StartAsync(routers: 1, cancellation);
        var creating = TimeSpan.Zero;
        await using var many = await BenchCluster.StartAsync(
            new BenchPlace(1), routers: 1, shards: 1, FormattableString.Invariant($"{BenchItems.Count:#,0} items twice, once in {Others} collections"),
            async (cluster, stop) => creating = await FillAsync(cluster, stop), cancellation);
        var gets = await run.CompareAsync(
            "GET of single items", null, cancellation,
            run.RouterAndShard(many, RequestMix.Gets, name: "one of 501"), run.RouterAndShard(many, SpreadGets, name: "all 500"),
            run.RouterAndShard(alone, RequestMix.Gets, name: "the only one"));
        var getMemory = (Many: await MemoryOfSessionAsync(many, cancellation), Alone: await MemoryOfSessionAsync(alone, cancellation));
        var puts = await run.CompareAsync(
            "Durable PUT of existing items", stop => ItemFilling.SettleAsync(stop, alone.Shard, many.Shard), cancellation,
            run.RouterAndShard(many, RequestMix.Puts, name: "one of 501"), run.RouterAndShard(many, SpreadPuts, name: "all 500"),
            run.RouterAndShard(alone, RequestMix.Puts, name: "the only one"));
        run.Report.Ratio("collections-get, of one beside 500", gets[0].RatioTo(gets[2]), target: 0.97);
        run.Report.Ratio("collections-put, of one beside 500", puts[0].RatioTo(puts[2]), target: 0.97);
        run.Report.Ratio("collections-get, spread over 500", gets[1].RatioTo(gets[2]), target: null);
        run.Report.Ratio("collections-put, spread over 500", puts[1].RatioTo(puts[2]), target: null);
        run.Report.Told("a collection is created in", creating.TotalMilliseconds / Others, "ms");
        run.Report.Told("largest session of the shard after GETs, one collection", getMemory.Alone, "MiB");
        run.Report.Told("largest session of the shard after GETs, 501 collections", getMemory.Many, "MiB");
        run.Report.Told("largest session of the shard after PUTs, one collection", await MemoryOfSessionAsync(alone, cancellation), "MiB");
        run.Report.Told("largest session of the shard after PUTs, 501 collections", await MemoryOfSessionAsync(many, cancellation), "MiB");
        run.Report.Told("locks of a write, one collection", await LocksOfWriteAsync(alone, cancellation), "");
        run.Report.Told("locks of a write, 501 collections", await LocksOfWriteAsync(many, cancellation), "");
    }

    private static string NameOf(int number) => string.Create(CultureInfo.InvariantCulture, $"c{number:000}");

    /// <returns>How long it took to create the collections.</returns>
    private static async Task<TimeSpan> FillAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        await ItemFilling.FillAsync(cluster, cancellation);
        var clock = Stopwatch.StartNew();
        foreach (var set in Spread)
            await ItemFilling.CreateCollectionAsync(cluster.Routers[0].Url, set.Collection, cancellation);
        var took = clock.Elapsed;
        await using var shard = new NpgsqlConnection(cluster.Shard.ConnectionString);
        await shard.OpenAsync(cancellation);
        await using (var copy = new NpgsqlCommand(
            """
            insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
            select version, updated_at, slot, 'c' || to_char((id::integer - $2) / $3, 'FM000'), pk, id, doc from sharding.item where collection = $1
            """,
            shard)
        {
            CommandTimeout = 600,
            Parameters = { new() { Value = BenchItems.Collection }, new() { Value = BenchItems.First }, new() { Value = BenchItems.Count / Others } },
        })
            await copy.ExecuteNonQueryAsync(cancellation);
        await ItemFilling.SettleAsync(cluster.Shard, cancellation);
        return took;
    }

    /// <summary>The largest session's own memory, without what sessions share: its caches of the catalogue, and its plans.</summary>
    private static async Task<double> MemoryOfSessionAsync(BenchCluster cluster, CancellationToken cancellation)
    {
        await using var shard = new NpgsqlConnection(cluster.Shard.ConnectionString);
        await shard.OpenAsync(cancellation);
        await using var command = new NpgsqlCommand(
            "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()", shard);
        await using var sessions = await command.ExecuteReaderAsync(cancellation);
        var most = 0.0;
        while (await sessions.ReadAsync(cancellation))
            most = Math.Max(most, ResidentMemory.OwnOfProcessMiB(sessions.GetInt32(0)));
        return most;
    }

    private static async Task<double> LocksOfWriteAsync(BenchCluster cluster, CancellationToken cancellation)
    {
        await using var shard = new NpgsqlConnection(cluster.Shard.ConnectionString);
        await shard.OpenAsync(cancellation);
        await using var transaction = await shard.BeginTransactionAsync(cancellation);
        await using var write = new NpgsqlCommand(
            "select outcome from sharding.write_items(false, array['put'], array[sharding.slot_of($1)], array[$2], array[$1], array[$1], "
            + "array['{}'::jsonb], array['none'], array[null], array[null::integer], array[false])",
            shard)
        {
            Parameters = { new() { Value = BenchItems.First.ToString(CultureInfo.InvariantCulture) }, new() { Value = BenchItems.Collection } },
        };
        if (await write.ExecuteScalarAsync(cancellation) is not "replaced")
            throw new WrongAnswerException("The write whose locks were to be counted was refused.");
        await using var count = new NpgsqlCommand("select count(*)::float8 from pg_locks where pid = pg_backend_pid()", shard);
        return (double)(await count.ExecuteScalarAsync(cancellation))!;
    }
}
