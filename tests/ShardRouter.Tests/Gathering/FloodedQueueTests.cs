using Microsoft.Extensions.Logging.Abstractions;
using ShardCore.Ring;
using ShardRouter.Gathering;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Shards;
using ShardRouter.Telemetry;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>A queue whose statements take a while, and more comes than they can carry.</summary>
public sealed class FloodedQueueTests(SharedPostgres postgres)
{
    private static readonly ItemKey Key = new("c", "p", "i");

    [Fact]
    public async Task A_flood_is_refused_at_once_while_it_lasts_and_then_everything_is_taken_again()
    {
        using var metrics = new RouterMetrics();
        var database = await postgres.CreateShardAsync();
        await using var sessions = new ShardSessions(database.DataSource);
        await using var pool = new ShardPool(
            new Shard(new ShardId("s1"), database.Host, database.Port, database.Name), sessions, sessions, new StatementCancel(sessions), 1,
            new ShardCircuit(), metrics, NullLogger.Instance)
        {
            QueueTarget = new QueueTarget(TimeSpan.FromMilliseconds(20)),
        };
        await using var queue = new GatherQueue<ItemKey, int>(
            new GatherKind<ItemKey, int>(
                "read", Writes: false, Workers: 1, KeepsOrder: false, key => key, _ => 0, _ => 0, _ => false, _ => new SlowStatement(),
                (_, _, _) => throw new NotSupportedException()),
            pool, metrics);
        await queue.RunAsync(Key, CancellationToken.None); // connects

        var refused = 0;
        var taken = new List<Task>();
        for (var until = DateTime.UtcNow + QueueDelay.Patience * 3; DateTime.UtcNow < until; await Task.Delay(5))
            for (var i = 0; i < 200; i++) // about ten times of what the statements carry
                if (queue.RunAsync(Key, CancellationToken.None) is var one && one.IsFaulted)
                    refused++;
                else
                    taken.Add(one);

        Assert.InRange(queue.Length, 0, 1000); // and not the 4,096 that the queue has room for
        Assert.True(refused > taken.Count, $"{refused} were refused, {taken.Count} taken");
        Assert.True(queue.DelayOf(Key.Slot) < QueueDelay.Patience);
        await Task.WhenAll(taken);
        Assert.Equal(TimeSpan.Zero, queue.DelayOf(Key.Slot));
        await Task.Delay(QueueDelay.Patience + TimeSpan.FromMilliseconds(200)); // no less without a refusal before a wait is borne again
        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => queue.RunAsync(Key, CancellationToken.None)));
    }

    private sealed class SlowStatement : IGatheredStatement<ItemKey, int>
    {
        public async Task<Fenced<int>[]> ExecuteAsync(IReadOnlyList<ItemKey> operations)
        {
            await Task.Delay(20);
            return [.. operations.Select(_ => Fenced<int>.Answer(1))];
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
