using System.Collections.Concurrent;
using System.Net.Sockets;
using Npgsql;
using ShardCore.Shards;

namespace ShardRouter.Shards;

/// <summary>Ends statements whose time is over: the only way in which this program cancels anything at a shard.</summary>
/// <remarks>
/// It asks the server by <c>pg_cancel_backend</c>, on sessions that are used for nothing else, without a thread that waits. When the server
/// has answered, no cancellation is under way any more. If it did not answer, one may come later, and the session is not used again: its
/// next statement must not be met by it.
/// A commit that waits for a synchronous standby is left alone. It cannot be taken back: who cancels the wait makes the write visible, and
/// others would read, and build upon, what a takeover loses. So its session is to be abandoned, and nobody sees the write until a standby has
/// it. The same goes for one whose log is being written: Postgres keeps a cancellation until the wait begins. What is left is a statement
/// that comes from its last step to its commit between the look at it and the signal, which is one function call at the server.
/// </remarks>
internal sealed class StatementCancel(ShardSessions control) : IDisposable
{
    /// <summary>A statement that is not over by then hangs. Its session is to be abandoned.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>So many sessions whose commits wait for a standby are left at a server; then it gets no further writes.</summary>
    private const int MostUnconfirmed = 8;

    private const int MostAtATime = 2;

    /// <summary>True if it was left alone because it waits for a standby. Postgres 17 writes WalSync what was WALSync before.</summary>
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
    /// Commits wait for a standby that is not there. More would wait likewise, and take the server's connections, which readers need. An
    /// old primary's do not count.
    /// </summary>
    public bool CommitsWait => !_unconfirmed.IsEmpty && _unconfirmed.Keys.Count(session => !session.IsReplaced) >= MostUnconfirmed;

    /// <summary>It was left alone, and its commit waits still.</summary>
    public bool IsUnconfirmed(ShardSession session) => _unconfirmed.ContainsKey(session);

    /// <param name="session">Whose statement is to end.</param>
    /// <param name="running">The call that waits for it.</param>
    /// <returns>False: it did not end within <see cref="Limit"/>, or is a commit that waits for a standby.</returns>
    public async Task<bool> StopAsync(ShardSession session, Task running)
    {
        var startedAt = Environment.TickCount64;
        // Again and again: a cancellation that comes before the statement, or between two of them, ends nothing.
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

    /// <summary>Asks the server once to end what a session runs.</summary>
    /// <returns>False: the server does not answer. It may still do it, so the session is tainted.</returns>
    public async Task<bool> TryAskAsync(ShardSession session) => await AskAsync(session) is not null;

    /// <summary>A statement was given up that nobody stops. If it waits for a standby it counts with the others.</summary>
    public async Task GivenUpAsync(ShardSession session, Task running)
    {
        if (await AskAsync(session, WaitsSql) == true)
            LeaveAlone(session, running);
    }

    private Task<bool?> AskAsync(ShardSession session) => AskAsync(session, CancelSql);

    /// <returns>Whether it was left alone because it waits for a standby; null: the server does not answer, as above.</returns>
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

    /// <exception cref="InvalidOperationException">Another host is the primary by now. There its process id is somebody else's.</exception>
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

    /// <summary>When nobody cancels any more; a pool that is forgotten leaves it to the garbage collector, as a late call may still come.</summary>
    public void Dispose() => _permits.Dispose();
}
