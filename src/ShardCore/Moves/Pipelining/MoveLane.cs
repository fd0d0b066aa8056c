namespace ShardCore.Moves.Pipelining;

/// <summary>Something that batches do one at a time, or a few, in the order of their coming.</summary>
public sealed class MoveLane(int places = 1) : IDisposable
{
    private readonly SemaphoreSlim _free = new(places);

    /// <returns>To be disposed, once or more often, to let the next one in.</returns>
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
