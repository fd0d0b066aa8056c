using System.Collections.Concurrent;
using System.Net.Sockets;
using Npgsql;
using ShardCore.Sessions;
using ShardCore.Shards;

namespace ShardRouter.Shards;

/// <summary>Ends statements whose time is over. This is the only way in which this program cancels anything at a shard.</summary>
/// <remarks>
/// It asks the server by <c>pg_cancel_backend</c>, on sessions that are used for nothing else, and no thread waits for the answer. When
/// the server has answered, no cancellation is under way any more. If it did not answer, a cancellation may come later and would end the
/// session's next statement. So that session is not used again.
/// A commit that waits for a synchronous standby is left alone, because it cannot be taken back: cancelling the wait makes the write
/// visible. Others would read, and build upon, something that a takeover loses. So the session is to be abandoned, and nobody sees the
/// write until a standby has it.
/// A commit whose log is being written is left alone too: Postgres keeps a cancellation until the wait for the standby begins.
/// One gap is left: a statement may come from its last step to its commit between the look at it and the signal. The gap is one function
/// call at the server.
/// </remarks>
internal sealed class StatementCancel(ShardSessions control) : IDisposable
{
    /// <summary>A statement that has not ended by then hangs. Its session is to be abandoned.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>How many sessions whose commits wait for a standby are left at a server. Then the server gets no further writes.</summary>
    private const int MostUnconfirmed = 8;

    private const int MostAtATime = 2;

    /// <summary>
    /// The first column is true if the statement was left alone because it waits for a standby. Postgres 17 writes WalSync; earlier
    /// versions write WALSync.
    /// </summary>
    private const string CancelSql = """
        select lower(wait_event) = 'syncrep',
               case when lower(wait_event) in ('syncrep', 'walsync', 'walwrite') then false else pg_cancel_backend(pid) end
        from pg_stat_get_activity($1)
        """;

    private const string WaitsSql = "select coalesce(bool_or(lower(wait_event) = 'syncrep'), false) from pg_stat_get_activity($1)";

    private static readonly TimeSpan AskLimit = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<ShardSession, Task> _unconfirmed = new();
    private readonly SemaphoreSlim _permits = new(MostAtATime, MostAtATime);

    /// <summary>
    /// Commits wait for a standby that is not there. More commits would wait too, and take the server's connections, which readers need.
    /// The commits of an old primary do not count.
    /// </summary>
    public bool CommitsWait => !_unconfirmed.IsEmpty && _unconfirmed.Keys.Count(session => !session.IsReplaced) >= MostUnconfirmed;

    /// <summary>The session was left alone, and its commit still waits.</summary>
    public bool IsUnconfirmed(ShardSession session) => _unconfirmed.ContainsKey(session);

    /// <param name="session">The session whose statement is to end.</param>
    /// <param name="running">The call that waits for it.</param>
    /// <returns>False: the statement did not end within <see cref="Limit"/>, or is a commit that waits for a standby.</returns>
    public async Task<bool> StopAsync(ShardSession session, Task running)
    {
        var startedAt = Environment.TickCount64;
        // The server is asked repeatedly: a cancellation that comes before the statement, or between two statements, ends nothing.
        for (var pause = FirstPause; !running.IsCompleted; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            if (Environment.TickCount64 - startedAt >= Limit.TotalMilliseconds)
                return running.IsCompleted;
            if (await AskAsync(session) is not { } commitWaits)
                return running.IsCompleted;
            if (commitWaits)
                return LeaveAlone(session, running);
            await Task.WhenAny(running, Task.Delay(pause, CancellationToken.None));
        }
        return true;
    }

    /// <summary>Asks the server once to end the statement of a session.</summary>
    /// <returns>False: the server does not answer. It may still cancel later, so the session is tainted.</returns>
    public async Task<bool> TryAskAsync(ShardSession session) => await AskAsync(session) is not null;

    /// <summary>
    /// A statement was given up, and nobody stops it. If it waits for a standby, it counts with the other commits that wait.
    /// </summary>
    public async Task GivenUpAsync(ShardSession session, Task running)
    {
        if (await AskAsync(session, WaitsSql) == true)
            LeaveAlone(session, running);
    }

    private Task<bool?> AskAsync(ShardSession session) => AskAsync(session, CancelSql);

    /// <returns>True: the statement was left alone because it waits for a standby. Null: the server does not answer, as above.</returns>
    private async Task<bool?> AskAsync(ShardSession session, string sql)
    {
        if (!await _permits.WaitAsync(Limit))
            return null;
        try
        {
            return await control.AskAsync(asking => AskAsync(asking, session, sql), AskLimit);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException or SocketException or OperationCanceledException
            or InvalidOperationException)
        {
            session.Taint();
            return null;
        }
        finally
        {
            _permits.Release();
        }
    }

    private bool LeaveAlone(ShardSession session, Task running)
    {
        _unconfirmed[session] = running;
        _ = running.ContinueWith(
            _ => _unconfirmed.TryRemove(session, out var _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return false;
    }

    /// <exception cref="InvalidOperationException">
    /// Another host is the primary by now. There the process id belongs to another session.
    /// </exception>
    private static async Task<bool?> AskAsync(ShardSession asking, ShardSession session, string sql)
    {
        if (asking.Host != session.Host)
            throw new InvalidOperationException($"{session.Host} is not the shard's primary any more, and cannot be asked to stop.");
        await using var command = new NpgsqlCommand(sql, asking.Connection)
        {
            Parameters = { new NpgsqlParameter<int> { TypedValue = session.Connection.ProcessID } },
        };
        return await command.ReadValueAsync<bool>(CancellationToken.None);
    }

    /// <summary>
    /// May be called only when nobody cancels any more. A pool that is forgotten leaves the permits to the garbage collector, because a
    /// late call may still come.
    /// </summary>
    public void Dispose() => _permits.Dispose();
}
