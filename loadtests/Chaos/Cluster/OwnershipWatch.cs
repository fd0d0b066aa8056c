using Npgsql;
using Workbench;

namespace Chaos.Cluster;

/// <summary>
/// Collects the slots that a shard owned at any moment since this watch began. It looks often: it misses a batch only if the batch is
/// copied twice and frozen twice between two looks.
/// </summary>
internal sealed class OwnershipWatch : IAsyncDisposable
{
    private const string Sql = "select slot::integer from sharding.slot_ownership where state in ('owned', 'frozen')";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly HashSet<int> _slots = [];
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ShardServer _shard;
    private Task _work = Task.CompletedTask;

    private OwnershipWatch(ShardServer shard) => _shard = shard;

    /// <summary>Begins a watch. When it returns, the watch has looked once.</summary>
    public static async Task<OwnershipWatch> BeginAsync(ShardServer shard, CancellationToken cancellation)
    {
        var watch = new OwnershipWatch(shard);
        await watch.LookAsync(cancellation);
        watch._work = watch.RunAsync();
        return watch;
    }

    /// <summary>Looks once more, and returns all slots that the shard owned. The shard must answer.</summary>
    public async Task<IReadOnlySet<int>> SlotsAsync(CancellationToken cancellation)
    {
        await LookAsync(cancellation);
        lock (_gate)
            return _slots.ToHashSet();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(Pause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await LookAsync(_stop.Token);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or OperationCanceledException)
            {
                // The shard was just killed or is not promoted yet, or the watch is over.
            }
        }
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(_shard.ConnectionString);
        await connection.OpenAsync(cancellation);
        await using var command = new NpgsqlCommand(Sql, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
            lock (_gate)
                _slots.Add(reader.GetInt32(0));
    }
}
