using ShardCore.Moves.Batches;
using ShardCore.Ring;
using ShardCore.Shards;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>Somebody cancels a mover's wait for a synchronous standby: the commit is made, and a failover would lose it.</summary>
public sealed class UnconfirmedCommitTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly Slot[] Slots = [SlotHash.Of("p0"), SlotHash.Of("p1")];

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static readonly MoveOptions Quick = new() { GraceBeforeCleaning = TimeSpan.FromMilliseconds(20), StepLimit = TimeSpan.FromSeconds(60) };

    /// <summary>After each of these steps something is committed at that side, on which the next step rests.</summary>
    [Theory]
    [InlineData(MoveStep.Begin, true, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Drain, false, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Release, true)]
    [InlineData(MoveStep.Own, false)]
    [InlineData(MoveStep.Publish, true, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Finish, true, Traits = ["Category", "Long"])]
    public async Task Ends_its_attempt_there_and_then_and_the_next_one_completes_the_move(MoveStep step, bool atSource)
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        var other = await postgres.ServerAsync();
        await using var shards = await (atSource ? MovingShards.StartAsync(server, other, redis) : MovingShards.StartAsync(other, server, redis));
        await shards.FillAsync(MovingShards.First, Slots[0], rows: 20, documentBytes: 100);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        GhostStandby? ghost = null;
        var steps = new List<MoveStep>();
        var options = Quick with
        {
            OnStep = async (at, _) =>
            {
                steps.Add(at);
                if (at == step)
                    ghost ??= await GhostStandby.AppearAsync(server);
            },
        };

        var moving = shards.Mover(MovingShards.First, MovingShards.Second, options).RunAsync(batch.Id, "test", false, CancellationToken.None);
        await Eventually.ThatAsync(
            async () =>
            {
                if (ghost is not null)
                    await ghost.CancelWaitsAsync();
                return moving.IsCompleted;
            },
            Limit, "the mover ends");

        await Assert.ThrowsAsync<CommitNotConfirmedException>(() => moving);
        Assert.Equal(step, steps[^1]);
        await ghost!.DisposeAsync();
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", true, CancellationToken.None);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }
}
