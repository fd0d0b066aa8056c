using System.Collections.Concurrent;
using ShardCore.Ring;
using ShardCore.Shards.Failover;

namespace ShardRouter.Shards;

/// <summary>The standbys of one shard. Reads go in turn to those that may be read. Each standby gets its pool at its first read.</summary>
internal sealed class StandbyPools : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly ShardPrimary _primary;
    private readonly Func<StandbyHost, StandbyPool> _make;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<ShardHost, Lazy<StandbyPool>> _pools = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lazy<Task> _attending;
    private uint _turn;

    /// <param name="primary">The shard's primary.</param>
    /// <param name="make">Makes the pool of a host.</param>
    public StandbyPools(ShardPrimary primary, Func<StandbyHost, StandbyPool> make, TimeProvider time)
    {
        (_primary, _make, _time) = (primary, make, time);
        _attending = new Lazy<Task>(AttendAsync);
        primary.Moved += OnMoved;
    }

    /// <returns>Null: no standby may be read now.</returns>
    public StandbyPool? Choose()
    {
        var views = _primary.Views;
        var first = Interlocked.Increment(ref _turn);
        for (var i = 0; i < views.Count; i++)
        {
            var view = views[(int)((first + (uint)i) % (uint)views.Count)];
            if (StandbyChoice.IsUsable(view, _primary.Seen) && Of(view.Host) is { IsUsable: true } standby)
                return standby;
        }
        return null;
    }

    private StandbyPool Of(ShardHost host)
    {
        _ = _attending.Value;
        return _pools.GetOrAdd(host, _ => new Lazy<StandbyPool>(() => _make(new StandbyHost(host, _primary)))).Value;
    }

    private IEnumerable<StandbyPool> Made => _pools.Values.Where(lazy => lazy.IsValueCreated).Select(lazy => lazy.Value);

    private async Task AttendAsync()
    {
        using var timer = new PeriodicTimer(Interval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token))
                foreach (var each in Made)
                    each.Attend();
        }
        catch (OperationCanceledException)
        {
            // the shard has left the ring, or the router ends
        }
    }

    private void OnMoved(object? sender, EventArgs e)
    {
        foreach (var each in Made)
            each.Renew();
    }

    public async ValueTask DisposeAsync()
    {
        _primary.Moved -= OnMoved;
        await _stopping.CancelAsync();
        if (_attending.IsValueCreated)
            await _attending.Value;
        foreach (var each in Made)
            await each.DisposeAsync();
        _stopping.Dispose();
    }
}
