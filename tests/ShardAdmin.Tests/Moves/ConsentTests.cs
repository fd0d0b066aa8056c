using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Commands that carry on what is unfinished before their own work: not before somebody has said yes.</summary>
public sealed class ConsentTests(SharedPostgres postgres, SharedRedis redis)
{
    [Theory]
    [InlineData("rebalance")]
    [InlineData("remove-shard s2")]
    [InlineData("add-shard")]
    public async Task What_is_unfinished_is_named_and_nothing_of_it_moves_without_a_yes(string command)
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 50);
        await cluster.NewDatabaseAsync();
        string[] arguments = command == "add-shard" ? cluster.AddArguments(3, "--no-rebalance") : command.Split(' ');
        await cluster.KillAsync(["move", "0-4", "--to", "s2", "--yes"], "moves-planned");
        var (id, before) = (await cluster.OperationAsync(), await cluster.RingTextAsync());

        (await cluster.RunAsync(arguments)).Fails(ExitCode.Usage, $"operation {id} (1 batch with 5 slots", "--yes", "Nothing was changed");
        (await cluster.RunAsync(null, arguments, input: "no\n")).Fails(ExitCode.NotAllowed, "not yes", "Nothing was changed");
        Assert.Contains(id, (await cluster.RunAsync([.. arguments, "--dry-run"])).Succeeds().Error, StringComparison.Ordinal);

        Assert.Equal(before, await cluster.RingTextAsync());
        var shown = await cluster.ShowAsync(id);
        Assert.Equal(("unfinished", 0), (shown.GetProperty("state").GetString(), shown.GetProperty("batchList")[0].GetProperty("attempt").GetInt32()));

        // Answered yes it goes first; what the command itself moves is asked for once more.
        Assert.Contains(id, (await cluster.RunAsync(null, arguments, input: "yes\n")).Error, StringComparison.Ordinal);
        Assert.Equal("done", (await cluster.ShowAsync(id)).GetProperty("state").GetString());
    }
}
