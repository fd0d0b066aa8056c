using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Somebody gives the items' table a column while a move is on its way.</summary>
public sealed class ForeignColumnTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task It_is_named_by_the_move_by_doctor_and_by_migrate_and_without_it_the_move_goes_on()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await cluster.KillAsync(["move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes"], "move-catchup");
        var id = await cluster.OperationAsync();
        await cluster.Database(1).ExecuteAsync("alter table sharding.item add column note text default 'worth something'");
        await writers.SomeAsync(); // a column more does not disturb them

        (await cluster.RunAsync("ops", "resume", id)).Fails(ExitCode.Failed, "at s1", "note", "drop column", $"ops resume {id}");

        Assert.Contains("column item.note (added)", (await cluster.RunAsync("doctor")).Out, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Precondition, (await cluster.RunAsync("migrate")).Exit);
        await cluster.Database(1).ExecuteAsync("alter table sharding.item drop column note");
        (await cluster.RunAsync("migrate")).Succeeds("up to date"); // while the move is unfinished
        (await cluster.RunAsync("ops", "resume", id)).Succeeds("Resumed and completed");
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }
}
