using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using ShardCore.Ring;
using ShardRouter.Gathering;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Tests.Gathering;

internal sealed record Numbered(ItemKey Key, int Number, bool IsSlow = false);

/// <summary>A queue in front of a shard whose statements do what a test says. Only its sessions are real.</summary>
internal sealed class ScriptedShard : IAsyncDisposable
{
    private readonly RouterMetrics _metrics = new();

    public ScriptedShard(
        NpgsqlDataSource source, bool writes, Func<IReadOnlyList<Numbered>, Task<Fenced<int>[]>> together,
        Func<Numbered, CancellationToken, Task<Fenced<int>>> alone, ShardCircuit? circuit = null, QueueTarget? target = null)
    {
        Circuit = circuit ?? new ShardCircuit();
        Sessions = new ShardSessions(source);
        Pool = new ShardPool(
            new Shard(new ShardId("s1"), "127.0.0.1", 1, "db"), Sessions, Sessions, new StatementCancel(Sessions), 4, Circuit, _metrics,
            NullLogger.Instance)
        { QueueTarget = target ?? QueueTarget.None };
        Queue = new GatherQueue<Numbered, int>(
            new GatherKind<Numbered, int>(
                writes ? "write" : "read", writes, Workers: 2, KeepsOrder: writes, operation => operation.Key, _ => 0, _ => 0, _ => false,
                _ => new Statement(together), (_, operation, deadline) => alone(operation, deadline)),
            Pool, _metrics);
    }

    public ShardCircuit Circuit { get; }

    public ShardSessions Sessions { get; }

    public ShardPool Pool { get; }

    public GatherQueue<Numbered, int> Queue { get; }

    public static PostgresException Error(string sqlState) => new("the test says so", "ERROR", "ERROR", sqlState);

    public async ValueTask DisposeAsync()
    {
        await Queue.DisposeAsync();
        await Pool.DisposeAsync();
        _metrics.Dispose();
    }

    private sealed class Statement(Func<IReadOnlyList<Numbered>, Task<Fenced<int>[]>> together) : IGatheredStatement<Numbered, int>
    {
        public Task<Fenced<int>[]> ExecuteAsync(IReadOnlyList<Numbered> operations) => together(operations);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
