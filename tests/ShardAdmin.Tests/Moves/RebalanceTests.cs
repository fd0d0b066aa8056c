using ShardAdmin.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

public sealed class RebalanceTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task By_size_it_moves_few_slots_until_the_bytes_are_within_the_threshold()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 400, docBytes: 1500);
        (await cluster.RunAsync("rebalance", "-y")).Succeeds("within the threshold"); // by count it is balanced

        var dry = (await cluster.RunAsync("rebalance", "--by", "size", "-n", "-o", "json")).Succeeds().Json;
        (await cluster.RunAsync("rebalance", "--by", "size", "--threshold", "5%", "-y")).Succeeds("Moved");

        var (first, second) = (await BytesAsync(cluster, 1), await BytesAsync(cluster, 2));
        Assert.InRange(first, (first + second) / 2 * 0.95, (first + second) / 2 * 1.05);
        Assert.InRange(dry.GetProperty("plannedSlots").GetInt32(), 80, 130); // not half of 16,384: only slots that hold something
        (await cluster.RunAsync("rebalance", "--by", "size", "-y")).Succeeds("within the threshold");
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task By_load_is_refused_with_the_reason()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        (await cluster.RunAsync("rebalance", "--by", "load")).Fails(ExitCode.Usage, "routers do not measure", "count or size");
        (await cluster.RunAsync("rebalance", "--by", "colour")).Fails(ExitCode.Usage, "count or size");
    }

    [Fact]
    public async Task Two_sources_give_their_slots_side_by_side_with_parallel()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 3);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        var ring = (await cluster.RingAsync())!;
        var slots = string.Join(',', ring.Shards.Where(shard => shard.Id.Value != "s3").SelectMany(shard => ring.SlotsOf(shard.Id).Take(300)).Order());

        var moved = (await cluster.RunAsync("move", slots, "--to", "s3", "-y", "--parallel", "2", "-o", "json")).Succeeds().Json;

        Assert.Equal(600, moved.GetProperty("movedSlots").GetInt32());
        var shown = await cluster.ShowAsync(moved.GetProperty("operation").GetString()!);
        Assert.Equal(4, shown.GetProperty("batches").GetInt32());
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(3);
        await cluster.AssertSoundAsync(3);
        await cluster.AssertNoLeftOversAsync(3);
    }

    [Fact]
    public async Task Whatever_would_make_a_move_fail_is_told_at_once_before_anything_is_changed()
    {
        await using var server = await PostgresProvider.Default.StartAsync(new PostgresOptions("127.0.0.1", "wal_level=replica", "max_replication_slots=0", "max_slot_wal_keep_size=16MB"));
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        cluster.Adopt(await server.CreateDatabaseAsync());
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds();
        var before = await cluster.RingTextAsync();

        (await cluster.RunAsync("move", "0-4", "--to", "s2", "-y")).Fails(ExitCode.Precondition, "s1: wal_level is replica", "free replication slots", "max_slot_wal_keep_size is 16 MB", "Nothing was changed");
        (await cluster.RunAsync("plan", "move", "0-4", "--to", "s2")).Fails(ExitCode.Precondition, "wal_level");
        (await cluster.RunAsync("rebalance", "--weight", "s2=3", "-y")).Fails(ExitCode.Precondition, "wal_level", "Nothing was changed");

        Assert.Equal(before, await cluster.RingTextAsync());
        await cluster.AssertNoLeftOversAsync(2);
        (await cluster.RunAsync("move", "16000", "--to", "s1", "-y")).Succeeds("Moved 1 slot"); // a target needs none of it
    }

    [Fact]
    public async Task Doctor_tells_what_moves_would_lack_and_what_they_left()
    {
        await using var server = await PostgresProvider.Default.StartAsync(new PostgresOptions("127.0.0.1", "max_replication_slots=2", "max_wal_senders=1", "max_slot_wal_keep_size=16MB"));
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 1);
        cluster.Adopt(await server.CreateDatabaseAsync());
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds();
        Assert.Equal(["ok", "ok", "ok"], await LevelsAsync(cluster, "move-rights", "replica-identity", "move-left-overs"));

        await cluster.Database(2).ExecuteAsync("create publication sharding_move_0123_1 for table sharding.item; alter table sharding.item replica identity full");
        await cluster.Database(2).ScalarAsync<string>("select slot_name::text from pg_create_logical_replication_slot('sharding_move_0123_1', 'pgoutput')");

        Assert.Equal(
            ["warning", "warning", "warning", "warning"], await LevelsAsync(cluster, "slot-wal-keep-size", "replication-slots", "replica-identity", "move-left-overs"));
        var told = (await cluster.RunAsync("doctor")).Out;
        Assert.All((string[])[
            "s2: max_slot_wal_keep_size is 16 MB", "s2: there are fewer than 2 free replication slots", "fewer than 2 free WAL senders",
            "s2: the publications sharding_move_0123_1 belong to no batch", "nobody reads from the replication slots sharding_move_0123_1"], text => Assert.Contains(text, told, StringComparison.Ordinal));
    }

    /// <summary>What a running or a killed move has of its own is no left-over as long as its batch is in the journal.</summary>
    [Fact]
    public async Task The_publication_of_an_unfinished_batch_is_no_left_over()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.KillAsync(["move", "0-4", "--to", "s2", "--yes"], "move-copy");
        Assert.Equal(1L, await cluster.Database(1).ScalarAsync<long>("select count(*) from pg_publication"));

        Assert.Equal(["ok"], await LevelsAsync(cluster, "move-left-overs"));
    }

    private static async Task<string[]> LevelsAsync(AdminCluster cluster, params string[] checks)
    {
        var all = (await cluster.RunAsync("doctor", "-o", "json")).Json.GetProperty("checks").EnumerateArray().ToArray();
        return [.. checks.Select(check => all.Single(each => each.GetProperty("check").GetString() == check).GetProperty("level").GetString()!)];
    }

    private static async Task<double> BytesAsync(AdminCluster cluster, int number) =>
        await cluster.Database(number).ScalarAsync<long>("select coalesce(sum(52 + pg_column_size(collection) + pg_column_size(pk) + pg_column_size(id) + pg_column_size(doc)), 0)::bigint from sharding.item");
}
