namespace ShardRouter.Shards;

/// <summary>
/// Whether a shard is worth asking. Open: its requests fail at once instead of queueing for a machine that is not
/// there. It is closed again by <see cref="ShardMonitor"/>, which asks the shard itself: no client's request is spent
/// on finding out, which is why this is not a library's circuit breaker with its half-open trials.
/// </summary>
internal sealed class ShardCircuit
{
    private volatile string? _openBecause;

    public bool IsClosed => _openBecause is null;

    /// <returns>Whether it was closed before.</returns>
    public bool Open(string because) => Interlocked.Exchange(ref _openBecause, because) is null;

    /// <returns>Whether it was open before.</returns>
    public bool Close() => Interlocked.Exchange(ref _openBecause, null) is not null;
}
