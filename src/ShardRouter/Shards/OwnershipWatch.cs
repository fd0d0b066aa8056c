using System.Net.Sockets;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Sessions;
using ShardCore.Shards;
using ShardRouter.Rings;

namespace ShardRouter.Shards;

/// <summary>
/// Compares the slots that a shard says it owns with those that the ring gives it. It does so after each reconnect, and from then on
/// until both agree. A shard that lost commits may have forgotten that it gave slots away or took some. Moves make short differences, so
/// only a slot that differs for some seconds counts.
/// </summary>
internal sealed partial class OwnershipWatch(Shard shard, ShardSessions sessions, RingHolder holder, TimeProvider time, ILogger log)
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private const string Sql = "select coalesce(array_agg(slot), '{}') from sharding.slot_ownership where state in ('owned', 'frozen')";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly Dictionary<int, long> _differsSince = [];
    private bool _isDue = true;
    private volatile int _disagreeing;

    public Shard Shard => shard;

    /// <summary>Slots that have differed for longer than <see cref="Patience"/>.</summary>
    public int Disagreeing => _disagreeing;

    /// <summary>The server was away. The server that answers now may know something else.</summary>
    public void Reconnected() => _isDue = true;

    public async Task CompareAsync(CancellationToken cancellation)
    {
        if (!_isDue)
            return;
        try
        {
            var owned = await sessions.AskAsync(session => OwnedAsync(session.Connection), Limit);
            if (holder.Current is { } ring)
                Judge(ring, owned);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested
            && e is NpgsqlException or SocketException or IOException or TimeoutException or OperationCanceledException
                or InvalidOperationException)
        {
            // The next probe tells whether the shard answers. The comparison is tried again after it.
        }
    }

    private static async Task<short[]> OwnedAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(Sql, connection);
        return await command.ReadValueAsync<short[]>(CancellationToken.None) ?? [];
    }

    private void Judge(ShardRing ring, IEnumerable<short> owned)
    {
        var differing = owned.Select(slot => (int)slot).ToHashSet();
        if (ring.Find(shard.Id)?.Address == shard.Address)
            differing.SymmetricExceptWith(ring.SlotsOf(shard.Id).Select(slot => (int)slot.Value));
        else
            differing.Clear(); // the shard has left this address
        foreach (var agreed in _differsSince.Keys.Where(slot => !differing.Contains(slot)).ToArray())
            _differsSince.Remove(agreed);
        foreach (var slot in differing)
            _differsSince.TryAdd(slot, time.GetTimestamp());
        var lasting = _differsSince.Values.Count(since => time.GetElapsedTime(since) > Patience);
        if (lasting > 0 && _disagreeing == 0)
            LogDisagrees(shard.Id.Value, ring.Epoch.Value, lasting, Patience.TotalSeconds);
        else if (lasting == 0 && _disagreeing > 0)
            LogAgrees(shard.Id.Value);
        _disagreeing = lasting;
        _isDue = differing.Count > 0;
    }

    [LoggerMessage(
        LogLevel.Error,
        "Shard {Shard} and the ring of epoch {Epoch} have disagreed about the owner of {Slots} slots for more than {Seconds} s. "
        + "Next: shardadmin doctor")]
    private partial void LogDisagrees(string shard, long epoch, int slots, double seconds);

    [LoggerMessage(LogLevel.Information, "Shard {Shard} and the ring agree again about the owners of slots")]
    private partial void LogAgrees(string shard);
}
