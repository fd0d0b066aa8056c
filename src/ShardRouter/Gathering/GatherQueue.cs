using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Gathering;

/// <summary>All operations of one kind on one shard: gathered while earlier ones are under way, sent together.</summary>
/// <remarks>
/// Every operation keeps its own condition, status, version and error. A read that joins never sees data older than its own
/// arrival: it is not answered from a statement that runs already, it goes into the next one. Its length is bounded, so that
/// what would time out in the queue is turned away at once.
/// </remarks>
internal sealed class GatherQueue<TOperation, TResult> : IAsyncDisposable
{
    private readonly GatherKind<TOperation, TResult> _kind;
    private readonly ShardPool _pool;
    private readonly RouterMetrics _metrics;
    private readonly GatherLane<TOperation, TResult>[] _lanes;

    public GatherQueue(GatherKind<TOperation, TResult> kind, ShardPool pool, RouterMetrics metrics)
    {
        _kind = kind;
        _pool = pool;
        _metrics = metrics;
        // With order to keep, a slot's operations must not overtake each other in another worker's statement.
        var (lanes, workers) = kind.KeepsOrder ? (kind.Workers, 1) : (1, kind.Workers);
        _lanes = [.. Enumerable.Range(0, lanes).Select(_ => new GatherLane<TOperation, TResult>(kind, workers, pool, metrics))];
        pool.Circuit.Opened += FailWaiting;
    }

    /// <summary>Operations that no worker has taken yet, or that are to be taken again.</summary>
    public int Length => _lanes.Sum(lane => lane.Length);

    public ShardPool Pool => _pool;

    public string Kind => _kind.Name;

    /// <param name="deadline">When it is cancelled the wait ends at once, wherever the operation is then.</param>
    /// <exception cref="ShardCallException">No answer.</exception>
    public async Task<Fenced<TResult>> RunAsync(TOperation operation, CancellationToken deadline)
    {
        _pool.ThrowIfOpen();
        if (_kind.Writes)
            _pool.ThrowIfCommitsWait();
        var lane = _lanes[_kind.KeyOf(operation).Slot.Value % _lanes.Length];
        if (lane.IsFull)
        {
            _metrics.ShardFailed(_pool.Name, ShardFailure.Overloaded);
            throw new ShardCallException(ShardFailure.Overloaded, _pool.Shard.Id.Value);
        }
        if (deadline.IsCancellationRequested)
            throw new ShardCallException(ShardFailure.DeadlineExceeded, _pool.Shard.Id.Value); // an idle worker would send it all the same
        var gathered = new GatheredOperation<TOperation, TResult>(operation, _kind.Writes, _pool.Shard.Id.Value, deadline);
        lane.Add(gathered);
        if (!_pool.Circuit.IsClosed)
            gathered.TryGiveUp(ShardFailure.Unavailable); // it opened between our look and our joining
        try
        {
            await using (deadline.UnsafeRegister(static waiting => ((GatheredOperation<TOperation, TResult>)waiting!).Expire(), gathered))
                return await gathered.Answer;
        }
        catch (ShardCallException e)
        {
            _metrics.ShardFailed(_pool.Name, e.Failure);
            throw;
        }
        finally
        {
            _metrics.ShardAnswered(_pool.Name, _kind.Name, gathered.EnteredAt);
        }
    }

    private void FailWaiting(object? sender, EventArgs e)
    {
        foreach (var lane in _lanes)
            lane.FailWaiting(ShardFailure.Unavailable);
    }

    public async ValueTask DisposeAsync()
    {
        _pool.Circuit.Opened -= FailWaiting;
        foreach (var lane in _lanes)
            await lane.DisposeAsync();
    }
}
