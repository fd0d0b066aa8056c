using System.Diagnostics;
using ShardAdmin.Failures;
using ShardAdmin.Shards;
using ShardCore.Migrations;
using TestCluster;

namespace ShardAdmin.Tests;

/// <summary>The program as people start it.</summary>
public sealed class ProcessTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("identity-written:s1")]
    [InlineData("ownership-written:s2")]
    public async Task A_kill_in_the_middle_of_init_is_completed_by_the_same_command(string step)
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 2);

        using var killed = Start(cluster, cluster.InitArguments(2), $"{step}:kill");
        await killed.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Limit, TestContext.Current.CancellationToken);
        Assert.NotEqual(0, killed.ExitCode);

        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds("epoch 1, 2 shards");
        await cluster.AssertSoundAsync(2);
    }

    [Fact]
    public async Task A_kill_between_release_and_taking_is_completed_by_the_same_command()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();

        using var killed = Start(cluster, cluster.AddArguments(2), "move-own:kill");
        await killed.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Limit, TestContext.Current.CancellationToken);

        (await cluster.RunAsync("ring", "rebuild", "--dry-run")).Fails(ExitCode.Precondition, "owned by no shard", "released slots to s2");
        (await cluster.RunAsync(cluster.AddArguments(2, "--yes"))).Succeeds("8,192 slots");
        await cluster.AssertSoundAsync(2);
    }

    [Fact]
    public async Task Ctrl_C_ends_it_with_130_and_says_what_it_left_while_another_waits_and_then_goes_on()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 2);
        using var paused = Start(cluster, cluster.InitArguments(2), "migrated:pause");
        await Eventually.ThatAsync(
            async () => await cluster.Database(2).ScalarAsync<bool>("select to_regclass('sharding.schema_migration') is not null")
                && await cluster.Database(2).ScalarAsync<long>("select count(*) from sharding.schema_migration") == ShardMigrator.Known.Count,
            Limit, "the paused init has migrated");
        var waiting = cluster.RunAsync(cluster.InitArguments(2));
        await Eventually.ThatAsync(
            async () => waiting.IsCompleted
                ? throw new InvalidOperationException($"The second init did not wait: {await waiting}")
                : await cluster.Database(1).ScalarAsync<long>(
                    $"select count(*) from pg_locks where locktype = 'advisory' and classid = {AdminLock.Class} and not granted") == 1,
            Limit, "the second init waits for the first");

        UnixSignal.Interrupt.SendTo(paused.Id);
        await paused.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Limit, TestContext.Current.CancellationToken);

        Assert.Equal(130, paused.ExitCode);
        Assert.Contains("The same command completes", await paused.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        (await waiting).Succeeds("is initialised");
        await cluster.AssertSoundAsync(2);
    }

    [Fact]
    public async Task It_tells_the_version_of_the_build()
    {
        await using var asked = ChildProcess.Start(RequiredProgram.Find("dotnet", "the .NET SDK"), [AdminChild.Program, "--version"]);
        await asked.WaitForExitAsync(Limit);
        Assert.Equal(0, asked.ExitCode);
        await Eventually.ThatAsync(() => asked.Output.Trim() == Checkout.Version, Limit, $"{Checkout.Version} is what it printed, not {asked.Output}");
    }

    private static Process Start(AdminCluster cluster, string[] arguments, string failpoint)
    {
        var start = new ProcessStartInfo("env", [.. ChildProcess.HeedingInterrupts.Skip(1), "dotnet", AdminChild.Program, .. arguments]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true };
        start.Environment["SHARDING_REDIS"] = cluster.Redis;
        start.Environment["SHARDING_CLUSTER"] = cluster.Name;
        start.Environment["SHARDING_FAILPOINT"] = failpoint;
        return Process.Start(start)!;
    }
}
