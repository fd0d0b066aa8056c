using ShardAdmin.Failures;
using ShardAdmin.Tests.Roles;
using TestCluster;

namespace ShardAdmin.Tests.Indexes;

/// <summary>Who may build: only a login that may be the owner of the tables (docs/adr/0026-rights-in-postgres.md).</summary>
public sealed class IndexRolesTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly string[] Create = ["indexes", "create", "c", "by_n", "n:number"];

    [Fact]
    public async Task A_mover_builds_nothing_and_is_told_who_does()
    {
        await using var restricted = await StartAsync();

        var (exit, output) = await restricted.RunAsync(RestrictedCluster.Mover, Create);

        Assert.Equal((int)ExitCode.Precondition, exit);
        Assert.Contains("The schema belongs to sharding_owner, and sharding_mover is no member of it", output, StringComparison.Ordinal);
        Assert.Contains("SHARDING_OWNER_USER", output, StringComparison.Ordinal);
        Assert.Contains("shardadmin indexes create c by_n n:number --detach", output, StringComparison.Ordinal);
        await restricted.Cluster.AssertGoneAsync(2);
    }

    [Fact]
    public async Task With_the_login_of_an_owner_beside_its_own_a_mover_builds_and_drops()
    {
        await using var restricted = await StartAsync();

        foreach (var arguments in (string[][])[Create, ["indexes", "create", "c", "u", "t", "--unique"], ["indexes", "drop", "c", "u", "--yes"]])
        {
            await using var process = AdminChild.Start(restricted.Cluster, arguments, user: RestrictedCluster.Mover, owner: RestrictedCluster.Migrator);
            await process.WaitForExitAsync(IndexedCluster.Limit);
            Assert.True(process.ExitCode == 0, process.Output);
        }

        await restricted.Cluster.AssertReadyAsync(2, "by_n", "c.by_n");
        Assert.Equal("sharding_owner", await restricted.Cluster.Database(1).ScalarAsync<string>("select relowner::regrole::text from pg_class where relname = 'c.by_n'"));
        Assert.Contains("by_n", await restricted.SucceedsAsync(RestrictedCluster.Reader, "indexes", "list"), StringComparison.Ordinal);
        Assert.Matches(@"ok\s+rights", (await restricted.RunAsync(RestrictedCluster.Mover, "doctor")).Output);
    }

    [Fact]
    public async Task An_agent_that_may_not_build_says_so_and_one_that_may_builds()
    {
        await using var restricted = await StartAsync();
        await restricted.SucceedsAsync(RestrictedCluster.Mover, [.. Create, "--detach"]);
        await using (var poor = AdminChild.Start(restricted.Cluster, IndexedCluster.Agent, user: RestrictedCluster.Mover))
        {
            await Eventually.ThatAsync(
                () => poor.Output.Contains("indexes: The schema belongs to sharding_owner", StringComparison.Ordinal) && poor.Output.Contains("SHARDING_OWNER_USER", StringComparison.Ordinal),
                IndexedCluster.Limit, "the agent says that it may not");
            Assert.Equal("building", await restricted.Cluster.StateAsync("by_n"));
            Assert.Contains("SHARDING_OWNER_USER", (await restricted.Cluster.FindingAsync()).GetProperty("mend").GetString(), StringComparison.Ordinal);
        }

        await using var agent = AdminChild.Start(restricted.Cluster, IndexedCluster.Agent, user: RestrictedCluster.Mover, owner: RestrictedCluster.Migrator);

        await restricted.Cluster.AssertReadyAsync(2, "by_n", "c.by_n");
    }

    [Fact]
    public async Task An_agent_that_may_not_build_drops_all_the_same()
    {
        await using var restricted = await StartAsync();
        await using (var process = AdminChild.Start(restricted.Cluster, Create, user: RestrictedCluster.Mover, owner: RestrictedCluster.Migrator))
            await process.WaitForExitAsync(IndexedCluster.Limit);
        await restricted.Cluster.AssertReadyAsync(2, "by_n", "c.by_n");
        await restricted.Cluster.Database(1).ExecuteAsync("select sharding.index_unwant('c', 'by_n', 'a router')");

        await using var agent = AdminChild.Start(restricted.Cluster, IndexedCluster.Agent, user: RestrictedCluster.Mover);

        await restricted.Cluster.StateReachedAsync("by_n", null);
        await restricted.Cluster.AssertGoneAsync(2);
    }

    [Fact]
    public async Task A_shard_that_a_mover_adds_has_the_indexes_before_its_slots()
    {
        await using var restricted = await StartAsync(databases: 3);
        var cluster = restricted.Cluster;
        foreach (var arguments in (string[][])[Create, ["indexes", "create", "c", "u", "t", "--unique"]])
            await restricted.SucceedsAsync("sharding", arguments);

        await restricted.SucceedsAsync(RestrictedCluster.Mover, [.. cluster.AddArguments(3), "--yes"]);

        await cluster.AssertReadyAsync(3, "by_n", "c.by_n c.u c.u.u");
        await cluster.AssertReadyAsync(3, "u", "c.by_n c.u c.u.u");
        Assert.True(await cluster.Database(3).ScalarAsync<bool>("select count(*) > 50 from sharding.item"));
        await restricted.SucceedsAsync(RestrictedCluster.Mover, "verify");
    }

    private async Task<RestrictedCluster> StartAsync(int databases = 2)
    {
        var restricted = await RestrictedCluster.InitialisedAsync(postgres, redis, shards: 2, databases);
        await restricted.SucceedsAsync(RestrictedCluster.Mover, "collections", "create", "c");
        for (var number = 1; number <= 2; number++)
            await IndexedCluster.FillAsync(restricted.Cluster, number, 400);
        return restricted;
    }
}
