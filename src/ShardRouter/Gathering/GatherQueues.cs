using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Gathering;

/// <summary>
/// The <see cref="GatherQueue{TOperation,TResult}"/> of each shard for one kind of operation. A queue is made on first use and kept as
/// long as the shard's pool.
/// </summary>
internal sealed class GatherQueues<TOperation, TResult>(GatherKind<TOperation, TResult> kind, RouterMetrics metrics) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<ShardPool, GatherQueue<TOperation, TResult>> _queues = [];

    public GatherQueue<TOperation, TResult> Of(ShardPool pool) => _queues.TryGetValue(pool, out var queue) ? queue : Add(pool);

    private GatherQueue<TOperation, TResult> Add(ShardPool pool)
    {
        var queue = _queues.GetOrAdd(pool, static (pool, self) => new GatherQueue<TOperation, TResult>(self.kind, pool, self.metrics), (kind, metrics));
        pool.Closed += (_, _) =>
        {
            if (_queues.TryRemove(pool, out var gone))
                _ = gone.DisposeAsync().AsTask();
        };
        return queue;
    }

    public IEnumerable<Measurement<int>> Measure() => _queues.Values.Select(queue => new Measurement<int>(
        queue.Length, new KeyValuePair<string, object?>("shard", queue.Pool.Name), new KeyValuePair<string, object?>("operation", queue.Kind)));

    public async ValueTask DisposeAsync()
    {
        foreach (var queue in _queues.Values)
            await queue.DisposeAsync();
    }
}
