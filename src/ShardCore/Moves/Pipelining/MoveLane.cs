namespace ShardCore.Moves.Pipelining;

/// <summary>A part of the work that only one batch, or a few, may do at a time, in the order in which they come.</summary>
public sealed class MoveLane(int places = 1) : IDisposable
{
    private readonly SemaphoreSlim _free = new(places);

    /// <returns>Dispose it to let the next batch in. It may be disposed more than once.</returns>
    internal async Task<IDisposable> EnterAsync(CancellationToken cancellation)
    {
        await _free.WaitAsync(cancellation);
        return new Stay(_free);
    }

    public void Dispose() => _free.Dispose();

    private sealed class Stay(SemaphoreSlim free) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
                free.Release();
        }
    }
}
