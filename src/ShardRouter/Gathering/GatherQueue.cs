using ShardCore.Ring;
using ShardRouter.Outcomes;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Gathering;

/// <summary>All operations of one kind on one shard. They gather while earlier ones are under way, and are sent together.</summary>
/// <remarks>
/// Every operation keeps its own condition, status, version and error. A read never sees data older than its own arrival: it is not
/// answered from a statement that runs already, it goes into the next one. The queue is bounded, in length and in time: an operation that
/// would wait too long in it is refused at once (<see cref="QueueDelay"/>).
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
        // If order is kept, a slot has one worker: its operations must not overtake each other in another worker's statement.
        var (lanes, workers) = kind.KeepsOrder ? (kind.Workers, 1) : (1, kind.Workers);
        _lanes = [.. Enumerable.Range(0, lanes).Select(_ => new GatherLane<TOperation, TResult>(kind, workers, pool, metrics))];
        pool.Circuit.Opened += FailWaiting;
    }

    /// <summary>Operations that no worker has taken yet, or that are to be taken again.</summary>
    public int Length => _lanes.Sum(lane => lane.Length);

    public ShardPool Pool => _pool;

    public string Kind => _kind.Name;

    /// <summary>How long an operation on this slot that comes now will wait.</summary>
    public TimeSpan DelayOf(Slot slot) => LaneOf(slot).Delay;

    /// <param name="deadline">When it is cancelled, <see cref="GatheredOperation{TOperation,TResult}.Expire"/> ends the wait.</param>
    /// <exception cref="ShardCallException">No answer.</exception>
    public async Task<Fenced<TResult>> RunAsync(TOperation operation, CancellationToken deadline)
    {
        _pool.ThrowIfOpen();
        if (_kind.Writes)
            _pool.ThrowIfCommitsWait();
        var lane = LaneOf(_kind.KeyOf(operation).Slot);
        if (lane.IsFull)
        {
            _metrics.ShardFailed(_pool.Name, ShardFailure.Overloaded);
            throw new ShardCallException(ShardFailure.Overloaded, _pool.Shard.Id.Value);
        }
        // An idle worker would still send it.
        if (deadline.IsCancellationRequested)
            throw new ShardCallException(ShardFailure.DeadlineExceeded, _pool.Shard.Id.Value);
        var gathered = new GatheredOperation<TOperation, TResult>(operation, _kind.Writes, _pool.Shard.Id.Value, deadline);
        lane.Add(gathered);
        // The circuit may have opened after the check above and before the operation was in the lane.
        if (!_pool.Circuit.IsClosed)
            gathered.TryGiveUp(ShardFailure.Unavailable);
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

    private GatherLane<TOperation, TResult> LaneOf(Slot slot) => _lanes[slot.Value % _lanes.Length];

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
