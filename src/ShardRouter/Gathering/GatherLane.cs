using System.Collections.Concurrent;
using ShardRouter.Outcomes;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Gathering;

/// <summary>
/// A queue and the workers that empty it. A worker takes all operations, up to a limit, that came while its last statement was under way,
/// and sends them as one statement. No operation waits for a batch to fill: one that finds a worker idle goes alone and at once, on the
/// thread that brought it.
/// </summary>
internal sealed class GatherLane<TOperation, TResult> : IAsyncDisposable
{
    /// <summary>The most operations that wait in a lane; further ones are refused.</summary>
    public const int MaxWaiting = 4096;

    private readonly WaitingOperations<TOperation, TResult> _waiting = new();
    private readonly ConcurrentStack<GatherWorker<TOperation, TResult>> _idle = new();
    private readonly AloneKeys<TOperation, TResult>? _alone;
    private readonly QueueDelay _delay;
    private readonly Func<GatherWorker<TOperation, TResult>> _newWorker;
    private readonly int _workers;
    private int _busy;

    public GatherLane(GatherKind<TOperation, TResult> kind, int workers, ShardPool pool, RouterMetrics metrics)
    {
        _workers = workers;
        _alone = kind.KeepsOrder ? new(kind.KeyOf, StartWorker) : null;
        _delay = new(pool.QueueTarget, workers);
        _newWorker = () => new(kind, pool, _alone, _delay, metrics);
    }

    /// <summary>Operations that no worker has taken yet, or that are to be taken again.</summary>
    public int Length => _waiting.Count + (_alone?.Joined ?? 0);

    /// <summary>No room, or a wait that is too long.</summary>
    public bool IsFull => _waiting.Count is var waiting && (waiting >= MaxWaiting || _delay.IsTooLong(waiting));

    /// <summary>How long one that joins now will wait.</summary>
    public TimeSpan Delay => _delay.Of(_waiting.Count);

    public void Add(GatheredOperation<TOperation, TResult> operation)
    {
        _waiting.Enqueue(operation);
        StartWorker();
    }

    /// <summary>Ends the wait of all operations that are not under way.</summary>
    public void FailWaiting(ShardFailure failure)
    {
        _waiting.GiveUp(failure);
        _alone?.FailWaiting(failure);
    }

    private void StartWorker()
    {
        for (var busy = Volatile.Read(ref _busy); busy < _workers && HasWork; busy = Volatile.Read(ref _busy))
        {
            if (Interlocked.CompareExchange(ref _busy, busy + 1, busy) != busy)
                continue;
            _ = WorkAsync();
            return;
        }
    }

    private bool HasWork => !_waiting.IsEmpty || _alone is { HasEnded: true };

    private async Task WorkAsync()
    {
        if (!_idle.TryPop(out var worker))
            worker = _newWorker();
        while (HasWork)
        {
            // The worker connects before it takes operations. So an operation whose time ends meanwhile is not sent, and its request is
            // told so.
            var trouble = worker.IsReady ? null : await worker.ConnectAsync();
            if (!worker.Take(_waiting))
            {
                // Another thread is taking out the last operation and has not counted it yet. Looking again on this stack, here or in
                // StartWorker, might never end, and the stack would overflow.
                await Task.Yield();
                continue;
            }
            await worker.RunAsync(_waiting, trouble); // fails operations, but never throws
            // After several answers the worker goes on behind them: it just handed them to the pool. So the next operations of their
            // clients go together, and the first one does not go alone.
            if (worker.Taken > 1)
                await Task.Yield();
        }
        _idle.Push(worker);
        Interlocked.Decrement(ref _busy);
        StartWorker(); // for operations that came after the last look and found this worker still busy
    }

    public async ValueTask DisposeAsync()
    {
        FailWaiting(ShardFailure.Unavailable);
        while (_idle.TryPop(out var worker))
            await worker.DisposeAsync();
    }
}
