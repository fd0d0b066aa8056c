using System.Net.Sockets;
using Npgsql;
using ShardCore.Ring;

namespace ShardCore.Shards.Failover;

/// <summary>Asks one host what it is, on a connection that is kept.</summary>
/// <remarks>
/// No question is cancelled, because Npgsql blocks a thread for that. One that has no answer in time is left alone, and nobody asks
/// anew before it ends or has waited for <see cref="GivenUpAfter"/>.
/// </remarks>
/// <param name="source">Of this host only, without a pool.</param>
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
            var kept = isOver ? _kept : null; // of one that hangs it has the connection
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
        catch (Exception e) when (e is NpgsqlException or SocketException or IOException or TimeoutException or OperationCanceledException or InvalidOperationException)
        {
            return HostView.Silent(host, e is PostgresException refused ? $"refuses ({refused.MessageText})" : $"does not answer ({e.Message})");
        }
        finally
        {
            lock (_gate)
                _running--;
        }
    }

    /// <summary>A connection that was kept may be dead since: that says nothing, and it is asked on a new one.</summary>
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
        var connection = await source.OpenConnectionAsync();
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
