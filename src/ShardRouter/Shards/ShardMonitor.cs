using System.Net.Sockets;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Sessions;
using ShardCore.Shards;
using ShardCore.Shards.History;

namespace ShardRouter.Shards;

/// <summary>
/// Watches one shard over a connection of its own. A server that stops closes this connection. So the circuit opens within a millisecond,
/// before requests meet the server's dead connections one by one. A server that hangs misses the probe.
/// While the circuit is open, the monitor tries every 200 ms. It closes the circuit only once the database answers as a primary and as
/// the shard that the ring names.
/// </summary>
/// <param name="sessions">All sessions of the pool. The monitor opens its own session on the first of them.</param>
/// <param name="shardLog">It learns the timeline of the present primary.</param>
internal sealed partial class ShardMonitor(
    Shard shard, ClusterId cluster, ShardSessions[] sessions, ShardCircuit circuit, HistoryWatch history, OwnershipWatch ownership,
    KeyWatch keys, ShardLog shardLog, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(200);

    private const string ProbeSql = $"""
        select array[case when pg_is_in_recovery() then 'it is a standby'
                          when c.shard_id <> $1 or c.cluster_id <> $2 then 'it is shard ' || c.shard_id || ' of cluster ' || c.cluster_id
                          else '' end,
                     {ShardReading.Sql}]
        from sharding.cluster c
        """;

    private bool _isLate;

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await WatchAsync(cancellation);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested && e is NpgsqlException or SocketException or IOException or TimeoutException or OperationCanceledException or InvalidOperationException)
            {
                // A router with too much to do also reads an answer late. So a probe that took too long is tried once more.
                if (ShardErrors.IsLate(e) && !_isLate)
                {
                    _isLate = true;
                    continue;
                }
                if (circuit.Open(e.Message))
                    LogOpened(shard.Id.Value, e is PostgresException p ? p.MessageText : e.Message);
                await Task.Delay(RetryInterval, time, cancellation);
            }
        }
    }

    /// <summary>Returns when another host is the primary. Throws when the shard has stopped answering, or when watching ends.</summary>
    private async Task WatchAsync(CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(ProbeLimit);
        var session = await sessions[0].OpenInAnyCaseAsync(limit.Token);
        try
        {
            ownership.Reconnected();
            while (!session.IsReplaced)
            {
                var known = history.Known; // before the shard is asked
                var reading = await sessions[0].WithinAsync(session, ProbeAsync(session.Connection), ProbeLimit);
                _isLate = false;
                if (ShardReading.TryParse(reading) is { } position)
                    shardLog.Observe(position.Now.Timeline); // before requests come again
                if (!circuit.IsClosed)
                    Answers();
                await keys.LookAsync(cancellation); // first: a revocation must not wait for the others
                await history.ObserveAsync(reading, known, cancellation);
                await ownership.CompareAsync(cancellation);
                Array.ForEach(sessions, each => each.Trim());
                await session.Connection.WaitAsync(ProbeInterval, cancellation); // throws as soon as the server closes it
            }
        }
        finally
        {
            ShardSessions.Drop(session);
        }
    }

    private void Answers()
    {
        Array.ForEach(sessions, each => each.Renew()); // before a request meets a session of the server that went away
        if (circuit.Close())
            LogClosed(shard.Id.Value);
    }

    /// <returns>The shard's <see cref="ShardReading"/>.</returns>
    private async Task<string?> ProbeAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(ProbeSql, connection)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = shard.Id.Value }, new NpgsqlParameter<Guid> { TypedValue = cluster.Id } },
        };
        var answer = await command.ReadValueAsync<string?[]>(CancellationToken.None) ?? ["it has no row in sharding.cluster", null];
        if (answer[0] is { Length: > 0 } problem)
            throw new InvalidOperationException($"The database at {shard.Address} cannot serve as shard {shard.Id}: {problem}.");
        return answer[1];
    }

    [LoggerMessage(LogLevel.Error, "Shard {Shard} does not answer, its requests get 503 until it does: {Reason}")]
    private partial void LogOpened(string shard, string reason);

    [LoggerMessage(LogLevel.Information, "Shard {Shard} answers again")]
    private partial void LogClosed(string shard);
}
