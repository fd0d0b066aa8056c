using ShardCore.Shards.Failover;

namespace ShardRouter.Shards;

/// <summary>A <see cref="ShardPool"/> with what watches its shard as long as it is there.</summary>
internal sealed class WatchedPool : IAsyncDisposable
{
    private readonly ShardSessions _control;
    private readonly ShardPrimary? _primary;
    private readonly OwnershipWatch _ownership;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _watching;

    /// <param name="pool">The way to the shard.</param>
    /// <param name="control">Sessions that are there when all of the pool's are in use.</param>
    /// <param name="ownership">Part of what the monitor does.</param>
    /// <param name="monitor">It begins at once.</param>
    /// <param name="primary">If the shard has standbys.</param>
    public WatchedPool(ShardPool pool, ShardSessions control, OwnershipWatch ownership, ShardMonitor monitor, ShardPrimary? primary)
    {
        (Pool, _control, _ownership, _primary) = (pool, control, ownership, primary);
        _watching = monitor.RunAsync(_stopping.Token);
    }

    public ShardPool Pool { get; }

    /// <inheritdoc cref="OwnershipWatch.Disagreeing" />
    public int Disagreeing => _ownership.Disagreeing;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Pool.DisposeAsync();
        await _control.DisposeAsync();
        if (_primary is not null)
            await _primary.DisposeAsync();
        _stopping.Dispose();
    }
}
