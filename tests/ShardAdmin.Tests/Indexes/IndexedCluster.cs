using System.Text.Json;
using Npgsql;
using TestCluster;

namespace ShardAdmin.Tests.Indexes;

/// <summary>What the tests of indexes do with a cluster again and again. The collection is c, and its documents have n and t.</summary>
internal static class IndexedCluster
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static readonly string[] Agent = ["agent", "--interval", "300ms"];

    /// <summary>s1, s2 … with this many items in all, each in a partition of its own.</summary>
    public static async Task<AdminCluster> StartAsync(SharedPostgres postgres, SharedRedis redis, int shards = 2, int items = 400)
    {
        var cluster = await AdminCluster.InitialisedAsync(postgres, redis, shards);
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        for (var number = 1; number <= shards; number++)
            await FillAsync(cluster, number, items);
        return cluster;
    }

    /// <summary>The items k1, k2 … of the slots that the shard owns.</summary>
    public static Task FillAsync(AdminCluster cluster, int number, int items) => cluster.Database(number).ExecuteAsync($$"""
        insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
        select 1, now(), sharding.slot_of('k' || n), 'c', 'k' || n, 'i', jsonb_build_object('n', n, 't', 'text ' || n)
        from generate_series(1, {{items}}) n
        where exists (select from sharding.slot_ownership o where o.slot = sharding.slot_of('k' || n) and o.state = 'owned')
        on conflict do nothing
        """);

    /// <summary>Two items of one partition with one value, in this shard.</summary>
    public static Task PutTwinsAsync(AdminCluster cluster, int number) => cluster.Database(number).ExecuteAsync("""
        insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
        select 1, now(), slot, 'c', pk, 'twin' || n, '{"t": "secret-value"}'
        from (select slot, pk from sharding.item where collection = 'c' order by pk limit 1) first cross join generate_series(1, 2) n
        """);

    public static async Task<JsonElement> LineAsync(this AdminCluster cluster, string index) =>
        (await cluster.RunAsync("indexes", "list", "-o", "json")).Succeeds().Json.GetProperty("indexes").EnumerateArray()
            .Single(line => line.GetProperty("index").GetString() == index);

    public static async Task<string?> StateAsync(this AdminCluster cluster, string index) =>
        (await cluster.RunAsync("indexes", "list", "-o", "json")).Succeeds().Json.GetProperty("indexes").EnumerateArray()
            .Where(line => line.GetProperty("index").GetString() == index).Select(line => line.GetProperty("state").GetString()).SingleOrDefault();

    public static Task StateReachedAsync(this AdminCluster cluster, string index, string? state) => Eventually.ThatAsync(
        async () => await cluster.StateAsync(index) == state, Limit, $"the index {index} is {state ?? "gone"}");

    /// <summary>The valid indexes of the collection in this shard, without those that every collection has.</summary>
    public static async Task<string> BuiltAsync(this AdminCluster cluster, int number) => await cluster.Database(number).ScalarAsync<string>("""
        select coalesce(string_agg(c.relname, ' ' order by c.relname collate "C"), '') from pg_index x join pg_class c on c.oid = x.indexrelid
        where x.indrelid = 'sharding_items.c'::regclass and x.indisvalid and c.relname not in ('c.pkey', 'c.expires_at')
        """) ?? "";

    /// <summary>What is there at all, valid or not.</summary>
    public static async Task<long> RelationsAsync(this AdminCluster cluster, int number) => await cluster.Database(number).ScalarAsync<long>("""
        select count(*) from pg_index x join pg_class c on c.oid = x.indexrelid
        where x.indrelid = 'sharding_items.c'::regclass and c.relname not in ('c.pkey', 'c.expires_at')
        """);

    public static async Task AssertReadyAsync(this AdminCluster cluster, int shards, string index, string relations)
    {
        await cluster.StateReachedAsync(index, "ready");
        for (var number = 1; number <= shards; number++)
        {
            Assert.Equal(relations, await cluster.BuiltAsync(number));
            Assert.Equal("ready", await cluster.Database(number).ScalarAsync<string>($"select state from sharding.item_index where name = '{index}'"));
        }
        Assert.Contains("ready in every shard", (await FindingAsync(cluster)).GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    public static async Task AssertGoneAsync(this AdminCluster cluster, int shards)
    {
        for (var number = 1; number <= shards; number++)
        {
            Assert.Equal(0L, await cluster.RelationsAsync(number));
            Assert.Equal(0L, await cluster.Database(number).ScalarAsync<long>("select count(*) from sharding.item_index where state <> 'dropped'"));
        }
        Assert.Equal("ok", (await FindingAsync(cluster)).GetProperty("level").GetString());
    }

    /// <returns>What doctor says of indexes.</returns>
    public static async Task<JsonElement> FindingAsync(this AdminCluster cluster) => (await cluster.RunAsync("doctor", "-o", "json")).Json
        .GetProperty("checks").EnumerateArray().Single(check => check.GetProperty("check").GetString() == "indexes");

    /// <summary>A transaction that every build in this shard waits for.</summary>
    public static async Task<HeldBuild> HoldBuildsAsync(this AdminCluster cluster, int number)
    {
        var connection = await cluster.Database(number).DataSource.OpenConnectionAsync();
        await using var command = new NpgsqlCommand("begin isolation level repeatable read; select count(*) from sharding.item", connection);
        await command.ExecuteNonQueryAsync();
        return new HeldBuild(connection);
    }

    public static Task WaitsAsync(this AdminCluster cluster, int number) => Eventually.ThatAsync(
        async () => await cluster.Database(number).ScalarAsync<bool>(
            "select exists (select from pg_stat_progress_create_index where datname = current_database() and phase like 'waiting for%')"),
        Limit, $"a build of s{number} waits");

    public static Task BuildEndsAsync(this AdminCluster cluster, int number) => Eventually.ThatAsync(
        async () => !await cluster.Database(number).ScalarAsync<bool>(
            "select exists (select from pg_stat_progress_create_index where datname = current_database())"),
        Limit, $"the build of s{number} has ended");
}

/// <summary>Ends when it is disposed, and builds go on.</summary>
internal sealed class HeldBuild(NpgsqlConnection connection) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        try
        {
            await using var command = new NpgsqlCommand("rollback", connection);
            await command.ExecuteNonQueryAsync();
        }
        catch (NpgsqlException)
        {
            // Its server was stopped.
        }
        await connection.DisposeAsync();
    }
}
