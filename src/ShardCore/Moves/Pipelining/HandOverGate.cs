namespace ShardCore.Moves.Pipelining;

/// <summary>
/// Gives the machines to a hand-over while writers wait for it. While the gate is closed, the other batches of the pipeline copy, compare,
/// publish and delete nothing. On cores that were busy copying, a pause took two to three times as long.
/// </summary>
/// <remarks>
/// The gate is for speed only, and no safety rests on it. So nobody waits longer than <see cref="Patience"/>, on either side.
/// </remarks>
internal sealed class HandOverGate
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private int _inside;
    private TaskCompletionSource? _left;
    private TaskCompletionSource? _opened;

    /// <summary>Waits while a hand-over is under way.</summary>
    /// <returns>
    /// Dispose it when the piece of work is done. That should be within milliseconds, because the next hand-over waits for it.
    /// </returns>
    public async ValueTask<Pass> PassAsync(CancellationToken cancellation)
    {
        Task? opened;
        lock (_lock)
        {
            opened = _opened?.Task;
            if (opened is null)
                _inside++;
        }
        if (opened is not null)
        {
            await WaitAsync(opened, cancellation);
            lock (_lock)
                _inside++;
        }
        return new Pass(this);
    }

    /// <summary>Closes the gate, for one hand-over at a time. It waits for the pieces of work that are under way.</summary>
    /// <returns>Dispose it when writers do not wait any more.</returns>
    public async Task<IDisposable> CloseAsync(CancellationToken cancellation)
    {
        var closed = new Closed(this);
        Task? left = null;
        lock (_lock)
        {
            _opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_inside > 0)
                left = (_left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
        try
        {
            if (left is not null)
                await WaitAsync(left, cancellation);
            return closed;
        }
        catch
        {
            closed.Dispose();
            throw;
        }
    }

    private static async Task WaitAsync(Task task, CancellationToken cancellation)
    {
        await task.WaitAsync(Patience, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellation.ThrowIfCancellationRequested();
    }

    private void Leave()
    {
        lock (_lock)
            if (--_inside == 0)
                _left?.TrySetResult();
    }

    private void Open()
    {
        lock (_lock)
        {
            _opened?.TrySetResult();
            (_opened, _left) = (null, null);
        }
    }

    /// <summary>One piece of work.</summary>
    public readonly struct Pass(HandOverGate gate) : IDisposable
    {
        public void Dispose() => gate.Leave();
    }

    private sealed class Closed(HandOverGate gate) : IDisposable
    {
        public void Dispose() => gate.Open();
    }
}
