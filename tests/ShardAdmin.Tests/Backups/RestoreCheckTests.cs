using System.Text.Json;
using ShardAdmin.Failures;
using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.Backups;

/// <summary>What <c>restore check</c> says of databases that came back, and of some that should not have.</summary>
public sealed class RestoreCheckTests(SharedPostgres postgres, SharedRedis redis) : IDisposable
{
    private readonly string _file = Path.Combine(Directory.CreateTempSubdirectory("restore-check-").FullName, "point.json");

    [Fact]
    public async Task A_cluster_that_was_never_restored_is_beyond_its_point_and_consistent()
    {
        await using var cluster = await PointedAsync();
        (await cluster.RunAsync("move", "0-9", "--to", "s2", "--yes")).Succeeds();

        var check = (await cluster.RunAsync("restore", "check", _file, "-o", "json")).Succeeds().Json;

        Assert.True(check.GetProperty("ok").GetBoolean());
        Assert.Contains("Beyond nightly", Detail(check, "s2", "point"), StringComparison.Ordinal);
        Assert.Contains("has not been restored since", Detail(check, "s1", "server"), StringComparison.Ordinal);
        Assert.Contains("moved from or to it since the point: 10 slots", Detail(check, "s2", "slots"), StringComparison.Ordinal);
        Assert.Equal(["shardadmin doctor", "shardadmin verify"], Next(check));
    }

    [Fact]
    public async Task Swapped_databases_are_named()
    {
        await using var cluster = await PointedAsync();

        var check = (await cluster.RunAsync(
            "restore", "check", _file, "--at", $"s1={cluster.Database(2).Address}", "--at", $"s2={cluster.Database(1).Address}", "-o",
            "json")).Exits(ExitCode.Differences).Json;

        Assert.Contains("is shard s2 of", Detail(check, "s1", "identity"), StringComparison.Ordinal);
        Assert.Equal("name the right database: --at s1=host:port/database", Next(check)[0]);
        Assert.Equal($"shardadmin restore check {_file}", Next(check)[^1]);
    }

    [Fact]
    public async Task A_shard_without_the_point_or_with_another_of_that_name_is_to_be_restored_again()
    {
        await using var cluster = await PointedAsync();
        await cluster.Database(1).ExecuteAsync("delete from sharding.backup_point");
        await cluster.Database(2).ExecuteAsync("update sharding.backup_point set point_id = gen_random_uuid()");

        var check = (await cluster.RunAsync("restore", "check", _file, "-o", "json")).Exits(ExitCode.Differences).Json;

        Assert.Contains("restored to an earlier moment", Detail(check, "s1", "point"), StringComparison.Ordinal);
        Assert.Contains("is of another point", Detail(check, "s2", "point"), StringComparison.Ordinal);
        Assert.Contains(Next(check), step => step.Contains("--type=name --target=nightly", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_still_recovers_is_named_with_the_command_that_promotes_it()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var cluster = await MovingCluster.StartWithOwnServerAsync(postgres, redis, server);
        (await cluster.RunAsync("backup", "point", "nightly", "--out", _file)).Succeeds();
        await using var standby = await server.StartStandbyAsync("b");
        var address = $"127.0.0.1:{standby.Server.Port}/{cluster.Database(2).Name}";

        var check = (await cluster.RunAsync("restore", "check", _file, "--at", $"s2={address}", "-o", "json"))
            .Exits(ExitCode.Differences).Json;

        Assert.Contains("still recovering", Detail(check, "s2", "server"), StringComparison.Ordinal);
        Assert.Contains("pg_wal_replay_resume()", Next(check)[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Slots_with_two_owners_or_none_and_other_epochs_at_the_point_are_found()
    {
        await using var cluster = await PointedAsync();
        await cluster.Database(1)
            .ExecuteAsync("update sharding.backup_point set lsn = null; update sharding.slot_ownership set epoch = 9 where slot = 7");
        await cluster.Database(2).ExecuteAsync("insert into sharding.slot_ownership (slot, state, epoch) values (0, 'owned', 1)");

        var check = (await cluster.RunAsync("restore", "check", _file, "-o", "json")).Exits(ExitCode.Differences).Json;

        Assert.Contains("Slots 7 differ from the document", Detail(check, "s1", "slots"), StringComparison.Ordinal);
        Assert.Contains("Slots 0 are owned by s1 and s2", Detail(check, "", "ownership"), StringComparison.Ordinal);
        Assert.Contains("s1 at the point, s2 beyond it", Detail(check, "", "together"), StringComparison.Ordinal);
        Assert.Contains("restore s2 to the point too", string.Join(' ', Next(check)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_does_not_answer_and_what_is_no_document_have_exit_codes_of_their_own()
    {
        await using var cluster = await PointedAsync();
        (await cluster.RunAsync("restore", "check", _file, "--at", "s1=127.0.0.1:1/gone"))
            .Exits(ExitCode.CannotReach, "Shard s1 at 127.0.0.1:1/gone", "Not checked: this check needs every shard");
        (await cluster.RunAsync("restore", "check", _file, "--shard", "s2")).Succeeds("Not checked: this check needs every shard");
        (await cluster.RunAsync("restore", "check", _file, "--shard", "s9")).Fails(ExitCode.Usage, "has no shard s9");
        (await cluster.RunAsync("restore", "check", _file, "--at", "s1=nowhere")).Fails(ExitCode.Usage, "s1=nowhere");
        (await cluster.RunAsync("restore", "check", _file + ".gone")).Fails(ExitCode.NotFound, "no such file", "shardadmin restore check FILE");
        (await cluster.RunAsync("restore", "check", _file, "--cluster", "other")).Fails(ExitCode.Precondition, $"--cluster {cluster.Name}");
        var text = await File.ReadAllTextAsync(_file);
        await File.WriteAllTextAsync(_file, text.Replace("\"nightly\"", "\"nightly2\"", StringComparison.Ordinal));
        (await cluster.RunAsync("restore", "check", _file)).Fails(ExitCode.Precondition, "damaged", "checksum");
        await File.WriteAllTextAsync(_file, "{}");
        (await cluster.RunAsync("restore", "check", _file)).Fails(ExitCode.Usage, "is not a backup point");
    }

    [Fact]
    public async Task Where_Redis_was_kept_the_loss_is_accepted_and_the_ring_gets_the_new_addresses()
    {
        await using var own = await BackedUpCluster.StartAsync(postgres, 2, async () => await BaseBackup.StartServerAsync());
        await own.BackUpAsync();
        (await own.PointAsync("kept")).Succeeds();
        await using (AdminChild.Start(own.Cluster, ["agent", "--interval", "200ms"]))
        {
            await own.Cluster.FillAsync(1, 500);
            (await own.Cluster.RunAsync("move", "0-9", "--to", "s2", "--yes")).Succeeds();
            await own.PositionsSeenAsync();
        }
        await own.LoseServersAsync();

        var typed = await own.FollowAsync("kept", await own.RestoreAsync("kept"));

        Assert.Equal(
            [$"shardadmin ring rebuild --at s1={own.Cluster.Database(1).Address} --at s2={own.Cluster.Database(2).Address} --yes",
                "shardadmin accept-loss s1 --yes",
                "shardadmin accept-loss s2 --yes", "shardadmin doctor", "shardadmin verify"], typed);
        Assert.Equal("s1", (await own.Cluster.AssertSoundAsync(2)).OwnerOf(new ShardCore.Ring.Slot(5)).Id.Value);
        var again = (await own.Cluster.RunAsync("restore", "check", own.Document("kept"), "-o", "json")).Succeeds().Json;
        Assert.Equal(["shardadmin doctor", "shardadmin verify"], Next(again));
    }

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);

    private async Task<AdminCluster> PointedAsync()
    {
        var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        (await cluster.RunAsync("backup", "point", "nightly", "--out", _file)).Succeeds();
        return cluster;
    }

    /// <param name="shard">Empty: of all together.</param>
    private static string Detail(JsonElement check, string shard, string name) =>
        (shard.Length == 0 ? check.GetProperty("cluster") : check.GetProperty("shards").EnumerateArray()
            .Single(each => each.GetProperty("id").GetString() == shard).GetProperty("checks"))
            .EnumerateArray().Single(each => each.GetProperty("check").GetString() == name).GetProperty("detail").GetString()!;

    private static string[] Next(JsonElement check) =>
        [.. check.GetProperty("next").EnumerateArray().Select(step => step.GetProperty("command").GetString()!)];
}
