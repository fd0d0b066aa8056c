using System.Collections.Concurrent;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Gathering;

/// <summary>
/// A queue and the workers that empty it. A worker takes whatever has gathered while the last statement was under way,
/// up to a limit, and sends it as one. Nobody ever waits for a batch to fill: an operation that finds a worker idle goes
/// alone and at once, on the thread that brought it.
/// </summary>
internal sealed class GatherLane<TOperation, TResult> : IAsyncDisposable
{
    /// <summary>More than this waiting in a lane are turned away.</summary>
    public const int MaxWaiting = 4096;

    private readonly WaitingOperations<TOperation, TResult> _waiting = new();
    private readonly ConcurrentStack<GatherWorker<TOperation, TResult>> _idle = new();
    private readonly AloneKeys<TOperation, TResult>? _alone;
    private readonly Func<GatherWorker<TOperation, TResult>> _newWorker;
    private readonly int _workers;
    private int _busy;

    public GatherLane(GatherKind<TOperation, TResult> kind, int workers, ShardPool pool, RouterMetrics metrics)
    {
        _workers = workers;
        _alone = kind.KeepsOrder ? new(kind.KeyOf, StartWorker) : null;
        _newWorker = () => new(kind, pool, _alone, metrics);
    }

    /// <summary>Operations that no worker has taken yet, or that are to be taken again.</summary>
    public int Length => _waiting.Count + (_alone?.Joined ?? 0);

    public bool IsFull => _waiting.Count >= MaxWaiting;

    public void Add(GatheredOperation<TOperation, TResult> operation)
    {
        _waiting.Enqueue(operation);
        StartWorker();
    }

    /// <summary>Ends the wait of everything that is not under way.</summary>
    public void FailWaiting(ShardFailure failure)
    {
        foreach (var operation in _waiting.ToArray())
            operation.TryGiveUp(failure);
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
            // Before anything is taken: an operation whose time ends meanwhile is not sent, and is told so.
            var trouble = worker.IsReady ? null : await worker.ConnectAsync();
            if (!worker.Take(_waiting))
                break;
            await worker.RunAsync(_waiting, trouble); // fails operations, never itself
            if (worker.Taken > 1)
                await Task.Yield(); // behind the answers that it just handed to the pool: what their clients send next then goes together, and not the first of it alone
        }
        _idle.Push(worker);
        Interlocked.Decrement(ref _busy);
        StartWorker(); // for what came after the last look and found us still busy
    }

    public async ValueTask DisposeAsync()
    {
        FailWaiting(ShardFailure.Unavailable);
        while (_idle.TryPop(out var worker))
            await worker.DisposeAsync();
    }
}
