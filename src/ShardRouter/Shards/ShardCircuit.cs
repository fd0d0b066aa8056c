namespace ShardRouter.Shards;

/// <summary>
/// Whether a shard is worth asking. While the circuit is open, requests for the shard fail at once instead of queueing for a machine that
/// is not there. <see cref="ShardMonitor"/> closes it again after it has asked the shard itself. No client's request is spent on finding
/// out: that is why this is not a library's circuit breaker with its half-open trials.
/// </summary>
internal sealed class ShardCircuit
{
    private volatile string? _openBecause;
    private int _generation;

    /// <summary>Raised when the circuit opens. Requests that wait for the shard need not wait any longer.</summary>
    public event EventHandler? Opened;

    public bool IsClosed => _openBecause is null;

    /// <summary>Counts how often the circuit was closed again. A connection of an earlier count was to a server that went away.</summary>
    public int Generation => Volatile.Read(ref _generation);

    /// <returns>Whether the circuit was closed before.</returns>
    public bool Open(string because)
    {
        var wasClosed = Interlocked.Exchange(ref _openBecause, because) is null;
        if (wasClosed)
            Opened?.Invoke(this, EventArgs.Empty);
        return wasClosed;
    }

    /// <returns>Whether the circuit was open before.</returns>
    public bool Close()
    {
        Interlocked.Increment(ref _generation); // before requests come again
        return Interlocked.Exchange(ref _openBecause, null) is not null;
    }
}
