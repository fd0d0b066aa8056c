namespace ShardRouter.Shards;

/// <summary>
/// Whether a shard is worth asking. Open: its requests fail at once instead of queueing for a machine that is not
/// there. It is closed again by <see cref="ShardMonitor"/>, which asks the shard itself: no client's request is spent
/// on finding out, which is why this is not a library's circuit breaker with its half-open trials.
/// </summary>
internal sealed class ShardCircuit
{
    private volatile string? _openBecause;
    private int _generation;

    /// <summary>Raised when it opens: whoever waits for the shard need not wait any longer.</summary>
    public event EventHandler? Opened;

    public bool IsClosed => _openBecause is null;

    /// <summary>Counts how often it was closed again: a connection of an earlier count was to a server that went away.</summary>
    public int Generation => Volatile.Read(ref _generation);

    /// <returns>Whether it was closed before.</returns>
    public bool Open(string because)
    {
        var wasClosed = Interlocked.Exchange(ref _openBecause, because) is null;
        if (wasClosed)
            Opened?.Invoke(this, EventArgs.Empty);
        return wasClosed;
    }

    /// <returns>Whether it was open before.</returns>
    public bool Close()
    {
        Interlocked.Increment(ref _generation); // before requests come again
        return Interlocked.Exchange(ref _openBecause, null) is not null;
    }
}
