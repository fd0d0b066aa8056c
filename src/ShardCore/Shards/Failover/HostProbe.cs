using System.Net.Sockets;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Sessions;

namespace ShardCore.Shards.Failover;

/// <summary>Asks one host whether it is a primary or a standby, on a connection that is kept.</summary>
/// <remarks>
/// A question is never cancelled, because Npgsql blocks a thread for that. If a question has no answer in time, it is left alone. The next
/// question begins when that one has ended or has waited for <see cref="GivenUpAfter"/>. At most <see cref="MostAtATime"/> questions are
/// open.
/// </remarks>
/// <param name="source">A data source of this host only, without a pool.</param>
internal sealed class HostProbe(ShardHost host, NpgsqlDataSource source) : IAsyncDisposable
{
    private const int MostAtATime = 4;
    private static readonly TimeSpan GivenUpAfter = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private NpgsqlConnection? _kept;
    private Task<HostView>? _asking;
    private long _askedAt;
    private int _running;

    public async Task<HostView> AskAsync(TimeSpan limit)
    {
        var asking = AskOrJoin();
        await ((Task)asking).WaitAsync(limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return asking.IsCompletedSuccessfully ? await asking : HostView.Silent(host, "does not answer");
    }

    private Task<HostView> AskOrJoin()
    {
        lock (_gate)
        {
            var isOver = _asking is null or { IsCompleted: true };
            if (!isOver && (Environment.TickCount64 - _askedAt < GivenUpAfter.TotalMilliseconds || _running >= MostAtATime))
                return _asking!;
            var kept = isOver ? _kept : null; // a question that hangs has the connection
            (_kept, _askedAt) = (null, Environment.TickCount64);
            _running++;
            return _asking = Task.Run(() => AskAsync(kept));
        }
    }

    private async Task<HostView> AskAsync(NpgsqlConnection? connection)
    {
        try
        {
            HostView view;
            (view, connection) = await AskOnceAsync(connection);
            Keep(connection);
            return view;
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or IOException or TimeoutException
            or OperationCanceledException or InvalidOperationException)
        {
            return HostView.Silent(host, e switch
            {
                PoolerException => $"is no Postgres ({e.Message})",
                PostgresException refused => $"refuses ({refused.MessageText})",
                _ => $"does not answer ({e.Message})",
            });
        }
        finally
        {
            lock (_gate)
                _running--;
        }
    }

    /// <summary>
    /// Asks on the kept connection. If that fails, it may only have died since, so the host is asked again on a new connection.
    /// </summary>
    private async Task<(HostView View, NpgsqlConnection Connection)> AskOnceAsync(NpgsqlConnection? kept)
    {
        if (kept is not null)
            try
            {
                return (await ReadAsync(kept), kept);
            }
            catch (Exception e) when (e is NpgsqlException or SocketException or IOException or InvalidOperationException)
            {
                await kept.DisposeAsync();
            }
        var connection = await SessionStart.OpenAsync(source, CancellationToken.None);
        try
        {
            return (await ReadAsync(connection), connection);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private async Task<HostView> ReadAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(HostView.Sql, connection);
        return HostView.Parse(host, await command.ReadValueAsync<string?[]>(CancellationToken.None));
    }

    private void Keep(NpgsqlConnection connection)
    {
        lock (_gate)
            (_kept, connection) = (connection, _kept!);
        _ = connection?.DisposeAsync().AsTask();
    }

    public async ValueTask DisposeAsync()
    {
        if (_kept is { } kept)
            await kept.DisposeAsync();
        await source.DisposeAsync();
    }
}
