using System.Diagnostics;
using ShardAdmin.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>What the tests of moves do with a cluster again and again.</summary>
internal static class MovingCluster
{
    public static readonly ShardId Second = new("s2");

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static async Task<AdminCluster> StartAsync(SharedPostgres postgres, SharedRedis redis, int shards)
    {
        var cluster = await AdminCluster.InitialisedAsync(postgres, redis, shards);
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        return cluster;
    }

    /// <summary>s1 with data, and s2 without slots on a server that can be stopped alone.</summary>
    public static async Task<AdminCluster> StartWithOwnServerAsync(SharedPostgres postgres, SharedRedis redis, PostgresServer server)
    {
        var cluster = await StartAsync(postgres, redis, 1);
        cluster.Adopt(await server.CreateDatabaseAsync());
        await cluster.FillAsync(1, 2000, docBytes: 20_000);
        (await cluster.RunAsync(cluster.AddArguments(2, "--no-rebalance"))).Succeeds();
        return cluster;
    }

    /// <summary>Of s1: one batch that has rows.</summary>
    public static async Task<string> FirstFilledSlotsAsync(this AdminCluster cluster) =>
        (await cluster.Database(1).ScalarAsync<string>("select string_agg(slot::text, ',') from (select distinct slot from sharding.item order by slot limit 256) s"))!;

    /// <summary>The slots of the writers' partitions that s2 does not own.</summary>
    public static async Task<string> SlotsOfFirstAsync(this AdminCluster cluster, int partitions)
    {
        var ring = (await cluster.RingAsync())!;
        return string.Join(',', Enumerable.Range(0, partitions).Select(number => SlotHash.Of($"p{number}")).Where(slot => ring.OwnerOf(slot).Id != Second).Distinct().Order());
    }

    /// <summary>The slots of the writers' partitions that this shard owns.</summary>
    public static async Task<string> SlotsOfAsync(this AdminCluster cluster, string shard, int partitions)
    {
        var ring = (await cluster.RingAsync())!;
        return string.Join(
            ',', Enumerable.Range(0, partitions).Select(number => SlotHash.Of($"p{number}"))
                .Where(slot => ring.OwnerOf(slot).Id == new ShardId(shard)).Distinct().Order());
    }

    /// <summary>Rows in slots that the shard owns, so that a copy has something to copy.</summary>
    public static async Task FillAsync(this AdminCluster cluster, int number, int rows, int docBytes = 20)
    {
        await cluster.CreateCollectionAsync();
        await cluster.Database(number).ExecuteAsync(
        $$"""
        insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
        select 1, now(), sharding.slot_of('f' || i), 'c', 'f' || i, 'i', jsonb_build_object('t', repeat('x', {{docBytes}}))
        from generate_series(1, {{rows}}) i
        where exists (select from sharding.slot_ownership o where o.slot = sharding.slot_of('f' || i) and o.state = 'owned')
        """);
    }

    /// <summary>The id of the operation that is not over.</summary>
    public static async Task<string> OperationAsync(this AdminCluster cluster)
    {
        string? id = null;
        await Eventually.ThatAsync(
            async () =>
            {
                var operations = (await cluster.RunAsync("ops", "list", "-o", "json")).Succeeds().Json.GetProperty("operations");
                id = operations.EnumerateArray().Where(each => each.GetProperty("endedAt").ValueKind == System.Text.Json.JsonValueKind.Null).Select(each => each.GetProperty("id").GetString()).FirstOrDefault();
                return id is not null;
            },
            Limit, "an operation is in the journals");
        return id!;
    }

    /// <summary>Writes a move down and does not begin it.</summary>
    /// <returns>The operation.</returns>
    public static async Task<string> PlanMoveAsync(this AdminCluster cluster, string slots, string target) =>
        (await cluster.RunAsync("move", slots, "--to", target, "--yes", "--detach", "-o", "json")).Succeeds().Json.GetProperty("operation").GetString()!;

    /// <summary>A batch of s1 with the slots of the writers' partitions and filled ones, on its way to s2 so slowly that something can happen to it in the copy.</summary>
    public static async Task<(string Operation, Task<AdminRun> Moving)> BeginCopyingAsync(this AdminCluster cluster, int partitions)
    {
        var slots = (await cluster.SlotsOfFirstAsync(partitions)).Split(',').Union((await cluster.FirstFilledSlotsAsync()).Split(','), StringComparer.Ordinal).Take(256);
        var operation = await cluster.PlanMoveAsync(string.Join(',', slots), "s2");
        var moving = cluster.RunAsync("ops", "resume", operation, "--rate", "1MiB/s");
        await cluster.StepReachedAsync(operation, "copy");
        return (operation, moving);
    }

    public static async Task<System.Text.Json.JsonElement> ShowAsync(this AdminCluster cluster, string operation) =>
        (await cluster.RunAsync("ops", "show", operation, "-o", "json")).Succeeds().Json;

    public static Task StepReachedAsync(this AdminCluster cluster, string operation, string step) => Eventually.ThatAsync(
        async () => (await cluster.ShowAsync(operation)).GetProperty("batchList").EnumerateArray().Any(batch => batch.GetProperty("step").GetString() == step),
        Limit, $"a batch of {operation} is at {step}");

    public static Task StateReachedAsync(this AdminCluster cluster, string operation, string state, TimeSpan limit) => Eventually.ThatAsync(
        async () => (await cluster.ShowAsync(operation)).GetProperty("state").GetString() == state, limit, $"operation {operation} is {state}");

    /// <summary>The server may take a moment to notice that a killed process's lock is gone.</summary>
    public static async Task ResumeAsync(this AdminCluster cluster, params string[] arguments)
    {
        AdminRun? run = null;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(200))
            if ((run = await cluster.RunAsync(arguments)).Exit != ExitCode.Conflict)
                break;
        run!.Succeeds();
    }

    public static async Task KillAsync(this AdminCluster cluster, string[] arguments, string step)
    {
        await using var process = AdminChild.Start(cluster, arguments, step + ":kill");
        await process.WaitForExitAsync(TimeSpan.FromSeconds(120));
        Assert.True(process.ExitCode == 137, $"{step} was not reached: exit {process.ExitCode}. {process.Output}");
    }

    public static async Task AssertNoLeftOversAsync(this AdminCluster cluster, int shards)
    {
        for (var number = 1; number <= shards; number++)
            Assert.Equal(0L, await cluster.Database(number).ScalarAsync<long>("""
                select (select count(*) from sharding.move) + (select count(*) from sharding.move_import) + (select count(*) from pg_publication)
                     + (select count(*) from pg_replication_slots where database = current_database())
                     + (select count(*) from sharding.slot_ownership where state in ('frozen', 'importing') or move_id is not null)
                """));
    }
}
