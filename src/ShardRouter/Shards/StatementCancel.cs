using System.Net.Sockets;
using Npgsql;

namespace ShardRouter.Shards;

/// <summary>Ends statements whose time is over: the only way in which this program cancels anything at a shard.</summary>
/// <remarks>
/// It asks the server by <c>pg_cancel_backend</c>, on sessions that are used for nothing else, without a thread that waits. When the server
/// has answered, no cancellation is under way any more. If it did not answer, one may come later, and the session is not used again: its
/// next statement must not be met by it.
/// </remarks>
internal sealed class StatementCancel(ShardSessions control) : IDisposable
{
    /// <summary>A statement that is not over by then hangs. Its session is to be abandoned.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private const int MostAtATime = 2;
    private static readonly TimeSpan AskLimit = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    private readonly SemaphoreSlim _permits = new(MostAtATime, MostAtATime);

    /// <param name="session">Whose statement is to end.</param>
    /// <param name="running">The call that waits for it.</param>
    /// <returns>False: it did not end within <see cref="Limit"/>.</returns>
    public async Task<bool> StopAsync(ShardSession session, Task running)
    {
        var startedAt = Environment.TickCount64;
        // Again and again: a cancellation that comes before the statement, or between two of them, ends nothing.
        for (var pause = FirstPause; !running.IsCompleted; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            if (Environment.TickCount64 - startedAt >= Limit.TotalMilliseconds || !await TryAskAsync(session))
                return running.IsCompleted;
            await Task.WhenAny(running, Task.Delay(pause, CancellationToken.None));
        }
        return true;
    }

    /// <summary>Asks the server once to end what a session runs.</summary>
    /// <returns>False: the server does not answer. It may still do it, so the session is tainted.</returns>
    public async Task<bool> TryAskAsync(ShardSession session)
    {
        if (!await _permits.WaitAsync(Limit))
            return false;
        try
        {
            return await control.AskAsync(connection => CancelAsync(connection, session.Connection.ProcessID), AskLimit);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException or SocketException or OperationCanceledException
            or InvalidOperationException)
        {
            session.Taint();
            return false;
        }
        finally
        {
            _permits.Release();
        }
    }

    private static async Task<bool> CancelAsync(NpgsqlConnection connection, int processId)
    {
        await using var command = new NpgsqlCommand("select pg_cancel_backend($1)", connection)
        {
            Parameters = { new NpgsqlParameter<int> { TypedValue = processId } },
        };
        await command.ExecuteNonQueryAsync(CancellationToken.None);
        return true;
    }

    /// <summary>When nobody cancels any more; a pool that is forgotten leaves it to the garbage collector, as a late call may still come.</summary>
    public void Dispose() => _permits.Dispose();
}
