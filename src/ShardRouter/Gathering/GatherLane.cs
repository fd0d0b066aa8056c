using System.Collections.Concurrent;

namespace ShardRouter.Gathering;

/// <summary>
/// A queue and the workers that empty it. A worker takes whatever has gathered while the last statement was under way,
/// up to a limit, and sends it as one. Nobody ever waits for a batch to fill: an operation that finds a worker idle goes
/// alone and at once, on the thread that brought it.
/// </summary>
internal sealed class GatherLane<TOperation, TResult>(int workers, Func<GatherWorker<TOperation, TResult>> newWorker) : IAsyncDisposable
{
    private readonly ConcurrentQueue<GatheredOperation<TOperation, TResult>> _waiting = new();
    private readonly ConcurrentStack<GatherWorker<TOperation, TResult>> _idle = new();
    private int _busy;

    public int Length => _waiting.Count;

    public void Add(GatheredOperation<TOperation, TResult> operation)
    {
        _waiting.Enqueue(operation);
        StartWorker();
    }

    /// <summary>Ends the wait of everything that no worker has taken.</summary>
    public void FailWaiting(Shards.ShardFailure failure)
    {
        foreach (var operation in _waiting)
            operation.TryGiveUp(failure); // it stays in the queue; the worker that meets it passes over it
    }

    private void StartWorker()
    {
        for (var busy = Volatile.Read(ref _busy); busy < workers && !_waiting.IsEmpty; busy = Volatile.Read(ref _busy))
        {
            if (Interlocked.CompareExchange(ref _busy, busy + 1, busy) != busy)
                continue;
            _ = WorkAsync();
            return;
        }
    }

    private async Task WorkAsync()
    {
        if (!_idle.TryPop(out var worker))
            worker = newWorker();
        while (worker.Take(_waiting))
            await worker.RunAsync(_waiting); // fails operations, never itself
        _idle.Push(worker);
        Interlocked.Decrement(ref _busy);
        StartWorker(); // for what came after the last look and found us still busy
    }

    public async ValueTask DisposeAsync()
    {
        FailWaiting(Shards.ShardFailure.Unavailable);
        while (_idle.TryPop(out var worker))
            await worker.DisposeAsync();
    }
}
