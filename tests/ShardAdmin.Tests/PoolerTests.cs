using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests;

/// <summary>An address that leads to a PgBouncer and not to Postgres.</summary>
public sealed class PoolerTests(SharedPostgres postgres, SharedRedis redis)
{
    [Theory]
    [InlineData("session", true)]
    [InlineData("transaction", false)]
    public async Task A_shard_behind_a_pooler_is_refused_and_the_message_says_what_to_do(string mode, bool ignoresOptions)
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        var database = await cluster.NewDatabaseAsync();
        await using var bouncer = await PgBouncer.StartAsync(await postgres.ServerAsync(), mode, ignoresOptions);

        var run = await cluster.RunAsync("add-shard", "s2", "--host", PgBouncer.Host, "--port", $"{bouncer.Port}", "--database", database.Name, "--yes");

        run.Fails(ExitCode.CannotReach, "pooler", $"{PgBouncer.Host}:{bouncer.Port}", "Postgres server itself", "docs/operations/runbook.md");
        await cluster.AssertSoundAsync(1);
    }
}
