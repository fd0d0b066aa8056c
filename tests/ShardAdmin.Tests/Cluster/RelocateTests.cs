using ShardAdmin.Failures;
using ShardAdmin.Tests.History;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Cluster;

/// <summary>s2 is on a server of its own, and comes to be somewhere else.</summary>
public sealed class RelocateTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_shard_that_is_somewhere_else_is_found_there_with_all_its_slots()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using var standby = await own.Server.StartStandbyAsync("b");
        await standby.MakeSynchronousAsync();
        await using var agent = own.StartAgent();
        await own.CommitSeenAsync();
        var (before, to) = (await RingAsync(own), standby.Server);
        await own.Server.KillAsync();
        await standby.PromoteAsync();

        (await own.Cluster.RunAsync(Relocate(to, "--dry-run"))).Succeeds("Dry run: shard s2 would be at");
        Assert.Equal(before.Epoch, (await RingAsync(own)).Epoch);
        (await own.Cluster.RunAsync(Relocate(to))).Succeeds($"Shard s2 is at {to.Host}:{to.Port}/");

        var ring = await RingAsync(own);
        Assert.Equal(to.Port, ring.Find(new ShardId("s2"))!.At.Hosts.Single().Port);
        Assert.Equal(before.Epoch.Value + 1, ring.Epoch.Value);
        Assert.Equal(before.Owners, ring.Owners);
        (await own.Cluster.RunAsync("verify")).Succeeds("ok");
        (await own.Cluster.RunAsync("doctor")).Succeeds();
        (await own.Cluster.RunAsync("move", "0-4", "--to", "s2", "--yes")).Succeeds();
        (await own.Cluster.RunAsync(Relocate(to))).Succeeds("already", "Nothing was changed");
    }

    [Fact]
    public async Task A_relocation_that_stopped_halfway_is_completed_by_the_same_command()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using var standby = await own.Server.StartStandbyAsync("b");
        await own.Server.KillAsync();
        await standby.PromoteAsync();

        (await own.Cluster.RunAsync("lists-stored", Relocate(standby.Server))).Fails(ExitCode.Failed, "Failpoint", "The same command completes it");
        (await own.Cluster.RunAsync(Relocate(standby.Server))).Succeeds("Shard s2 is at");

        (await own.Cluster.RunAsync("verify")).Succeeds("ok");
        (await own.Cluster.RunAsync("doctor")).Succeeds();
    }

    [Fact]
    public async Task A_host_that_does_not_answer_is_named()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        var (host, port) = (cluster.Database(1).Host, cluster.Database(1).Port);

        var looked = (await cluster.RunAsync("relocate", "s1", "--host", $"{host}:{port},127.0.0.1:1", "--dry-run", "-o", "json")).Succeeds();
        Assert.Contains("127.0.0.1:1 does not answer", looked.Error, StringComparison.Ordinal);
        Assert.Equal("127.0.0.1:1", looked.Json.GetProperty("silentHosts")[0].GetString());

        var run = (await cluster.RunAsync("relocate", "s1", "--host", $"{host}:{port},127.0.0.1:1")).Succeeds("Shard s1 is at");
        Assert.Contains("127.0.0.1:1 does not answer: nobody can tell whether it is a host of shard s1", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_not_this_shard_is_refused_by_name()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using var standby = await own.Server.StartStandbyAsync("b");
        await using var other = await postgres.CreateDatabaseAsync();
        var before = await RingAsync(own);
        var first = own.Cluster.Database(1);

        (await own.Cluster.RunAsync(Relocate(standby.Server))).Fails(ExitCode.Precondition, "is a standby", "pg_ctl promote");
        (await own.Cluster.RunAsync("relocate", "s2", "--host", first.Host, "--port", $"{first.Port}", "--database", first.Name)).Fails(ExitCode.Conflict, "is where shard s1 is");
        (await own.Cluster.RunAsync("relocate", "s2", "--host", "localhost", "--port", $"{first.Port}", "--database", first.Name)).Fails(ExitCode.Precondition, "is shard s1 of cluster");
        (await own.Cluster.RunAsync("relocate", "s2", "--host", other.Host, "--port", $"{other.Port}", "--database", other.Name)).Fails(ExitCode.Precondition, "is not a shard");
        (await own.Cluster.RunAsync("relocate", "s2", "--host", "127.0.0.1", "--port", "1")).Fails(ExitCode.CannotReach, "127.0.0.1:1");
        (await own.Cluster.RunAsync("relocate", "s9", "--host", "127.0.0.1", "--port", "1")).Fails(ExitCode.NotFound, "no shard s9");
        (await own.Cluster.RunAsync("relocate", "s2", "--host", "127.0.0.1")).Fails(ExitCode.Usage, "--port is missing");
        (await own.Cluster.RunAsync("relocate", "s2", "--host", "a b", "--port", "1")).Fails(ExitCode.Usage, "--host takes a host");
        (await own.Cluster.RunAsync("relocate", "s2", "--host", "a:1,a:1")).Fails(ExitCode.Usage, "twice");
        Assert.Equal(before.Epoch, (await RingAsync(own)).Epoch);
    }

    [Fact]
    public async Task An_old_server_that_still_takes_writes_has_to_be_stopped_first()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using var standby = await own.Server.StartStandbyAsync("b");
        await standby.CaughtUpAsync();
        await standby.PromoteAsync();

        (await own.Cluster.RunAsync(Relocate(standby.Server))).Fails(ExitCode.Conflict, "still takes writes at", "stop that server");
        await own.Server.StopAsync(PostgresShutdown.Fast);

        (await own.Cluster.RunAsync(Relocate(standby.Server))).Succeeds();
    }

    [Fact]
    public async Task Another_name_of_the_same_server_is_taken_while_it_runs()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);

        (await own.Cluster.RunAsync("relocate", "s2", "--host", "localhost", "--port", $"{own.Server.Port}")).Succeeds($"localhost:{own.Server.Port}");

        (await own.Cluster.RunAsync("verify")).Succeeds("ok");
    }

    [Fact]
    public async Task A_copy_that_lost_commits_is_taken_only_on_a_persons_word_and_stays_a_finding()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using var standby = await own.Server.StartStandbyAsync("b");
        await using (own.StartAgent())
        {
            await own.CommitSeenAsync();
            await standby.CaughtUpAsync();
            await standby.Server.StopAsync(PostgresShutdown.Fast);
            await own.CommitSeenAsync();
        }
        await own.Server.KillAsync();
        await standby.Server.StartAsync();
        await standby.PromoteAsync();

        (await own.Cluster.RunAsync(Relocate(standby.Server))).Fails(ExitCode.Usage, "--yes");
        (await own.Cluster.RunAsync(Relocate(standby.Server, "--yes"))).Succeeds("accept-loss s2");

        Assert.Equal("failed", await own.LevelAsync());
        (await own.Cluster.RunAsync("accept-loss", "s2", "--yes")).Succeeds("Accepted");
        Assert.Equal("ok", await own.LevelAsync());
    }

    [Fact]
    public async Task A_standby_that_comes_is_named_beside_the_primary_and_a_takeover_is_followed()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using var standby = await own.Server.StartStandbyAsync("b");
        await standby.MakeSynchronousAsync();

        (await own.Cluster.RunAsync("relocate", "s2", "--host", $"{standby.Server.Host}:{standby.Server.Port},{own.Server.Host}:{own.Server.Port}")).Succeeds();
        (await own.Cluster.RunAsync("verify")).Succeeds("ok");
        (await own.Cluster.RunAsync("move", "0-4", "--to", "s2", "--yes")).Succeeds();
        await own.Server.KillAsync();
        await standby.PromoteAsync();

        (await own.Cluster.RunAsync("verify")).Succeeds("ok");
        (await own.Cluster.RunAsync("move", "5-9", "--to", "s2", "--yes")).Succeeds();
        (await own.Cluster.RunAsync("move", "0-4", "--to", "s1", "--yes")).Succeeds();
        (await own.Cluster.RunAsync("verify")).Succeeds("ok");
    }

    private static string[] Relocate(PostgresServer to, params string[] further) => ["relocate", "s2", "--host", to.Host, "--port", $"{to.Port}", .. further];

    private static async Task<ShardRing> RingAsync(WatchedCluster own) => (await own.Cluster.RingAsync())!;
}
