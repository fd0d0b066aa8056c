using ShardCore.Shards.Failover;

namespace ShardRouter.Shards;

/// <summary>A <see cref="ShardPool"/> with the monitor that watches its shard as long as the pool exists.</summary>
internal sealed class WatchedPool : IAsyncDisposable
{
    private readonly ShardSessions _control;
    private readonly ShardPrimary? _primary;
    private readonly OwnershipWatch _ownership;
    private readonly KeyWatch _keys;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _watching;

    /// <param name="pool">The way to the shard.</param>
    /// <param name="control">Sessions that are available also when all sessions of the pool are in use.</param>
    /// <param name="ownership">The monitor runs it.</param>
    /// <param name="keys">The monitor runs it too.</param>
    /// <param name="monitor">It begins to run at once.</param>
    /// <param name="primary">The shard's primary, if the shard has standbys; else null.</param>
    public WatchedPool(
        ShardPool pool, ShardSessions control, OwnershipWatch ownership, KeyWatch keys, ShardMonitor monitor, ShardPrimary? primary)
    {
        (Pool, _control, _ownership, _keys, _primary) = (pool, control, ownership, keys, primary);
        _watching = monitor.RunAsync(_stopping.Token);
    }

    public ShardPool Pool { get; }

    /// <inheritdoc cref="OwnershipWatch.Disagreeing" />
    public int Disagreeing => _ownership.Disagreeing;

    /// <inheritdoc cref="KeyWatch.LookAsync" />
    public async Task<bool> LookAtKeysAsync() => await _keys.LookAsync(_stopping.Token);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Pool.DisposeAsync();
        await _control.DisposeAsync();
        if (_primary is not null)
            await _primary.DisposeAsync();
        _keys.Dispose();
        _stopping.Dispose();
    }
}
