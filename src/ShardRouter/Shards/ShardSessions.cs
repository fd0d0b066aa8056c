using Npgsql;
using ShardCore.Shards;
using ShardRouter.Consistency;
using ShardRouter.Shards.Standbys;

namespace ShardRouter.Shards;

/// <summary>
/// The open sessions of one shard that are not in use, the last used first. This is not Npgsql's pool, because a session that hangs
/// must be given up here at once.
/// </summary>
/// <remarks>
/// Npgsql gives a command up by cancelling it at the server, on a second connection, with a blocked thread. If that server hangs, it
/// holds one thread for each command for seconds, and other shards' answers find no thread. So in this program no statement has a
/// token that is cancelled while it runs, or a timeout of Npgsql's own. Each is awaited up to a limit, and then its session is
/// abandoned: nobody touches it again, and it is closed when its call ends. If the line was cut, that is when the kernel gives it up.
/// </remarks>
/// <param name="source">Without a pool.</param>
/// <param name="log">Of the shard; null: nobody asks on them where it is.</param>
/// <param name="standby">To which standby they are; null: to the primary.</param>
internal sealed class ShardSessions(ShardDatabase source, ShardLog? log = null, StandbyHost? standby = null) : IAsyncDisposable
{
    /// <summary>More sessions whose calls never ended would cost the server more connections than it may have.</summary>
    public const int MaxAbandoned = 256;

    private static readonly TimeSpan OpenLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan CheckLimit = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new(); // for a few instructions
    private readonly List<ShardSession> _idle = []; // the last used at the end
    private int _generation;
    private int _abandoned;
    private bool _isClosed;

    /// <summary>Grows when the sessions so far are not to be used any more.</summary>
    public int Generation => Volatile.Read(ref _generation);

    /// <summary>Sessions whose call has not ended yet although nobody waits for it.</summary>
    public int Abandoned => Volatile.Read(ref _abandoned);

    /// <param name="deadline">Ends the wait for a new connection.</param>
    /// <returns>A session whose line stood a moment ago.</returns>
    /// <exception cref="NpgsqlException">There is no connection to be had.</exception>
    public async ValueTask<ShardSession> TakeAsync(CancellationToken deadline)
    {
        while (TryPop() is { } session)
        {
            if (session.IsTrusted)
                return session;
            // Those below it have been silent for longer. They are taken out meanwhile, so that of many callers only one meets a dead line.
            var others = TakeAll();
            if (await AnswersAsync(session))
            {
                PutBack(others);
                return session;
            }
            others.ForEach(Drop);
        }
        return await OpenAsync(deadline);
    }

    /// <summary>For a worker that keeps its session: it may be used without a look.</summary>
    public bool IsFresh(ShardSession session) => session.Generation == Generation && session.IsTrusted;

    /// <param name="held">What the worker has kept so far.</param>
    /// <param name="deadline">Ends the wait for a new connection.</param>
    /// <returns>The same if its line stands, otherwise another.</returns>
    /// <exception cref="NpgsqlException">There is no connection to be had.</exception>
    public async Task<ShardSession> RefreshAsync(ShardSession? held, CancellationToken deadline)
    {
        if (held is not null && held.Generation == Generation && (held.IsTrusted || await AnswersAsync(held)))
            return held;
        if (held is not null)
            Drop(held);
        return await TakeAsync(deadline);
    }

    /// <summary>Puts a session back whose call has ended; one that was abandoned is not.</summary>
    /// <param name="session">Nobody uses it any more.</param>
    /// <param name="hasAnswered">The shard has just answered on it.</param>
    public void Return(ShardSession session, bool hasAnswered = true)
    {
        if (session.IsAbandoned)
            return;
        if (hasAnswered)
            session.Used();
        lock (_gate)
        {
            if (session.IsOpen && !session.IsTainted && session.Generation == _generation && !_isClosed)
            {
                _idle.Add(session);
                return;
            }
        }
        Drop(session);
    }

    /// <summary>Closes a session that nobody uses.</summary>
    public static void Drop(ShardSession session)
    {
        if (!session.IsAbandoned)
            _ = Task.Run(session.CloseAsync);
    }

    /// <summary>Gives a session up whose call has not ended.</summary>
    public void Abandon(ShardSession session, Task call)
    {
        session.Abandon();
        Interlocked.Increment(ref _abandoned);
        _ = EndAsync();

        async Task EndAsync()
        {
            await call.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
            Interlocked.Decrement(ref _abandoned);
            await session.CloseAsync();
        }
    }

    /// <summary>Asks the shard one thing, within a limit.</summary>
    /// <exception cref="NpgsqlException">It could not be asked.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public async Task<T> AskAsync<T>(Func<ShardSession, Task<T>> ask, TimeSpan limit)
    {
        using var open = new CancellationTokenSource(limit);
        var session = await TakeAsync(open.Token);
        try
        {
            return await WithinAsync(session, ask(session), limit);
        }
        finally
        {
            Return(session);
        }
    }

    /// <summary>Waits for what is asked on a session, and abandons the session if that takes too long.</summary>
    /// <exception cref="TimeoutException">It did not end in time.</exception>
    public async Task<T> WithinAsync<T>(ShardSession session, Task<T> call, TimeSpan limit)
    {
        await ((Task)call).WaitAsync(limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (call.IsCompleted)
            return await call;
        Abandon(session, call);
        throw new TimeoutException("The shard did not answer in time.");
    }

    /// <exception cref="NpgsqlException">There is no connection to be had.</exception>
    /// <exception cref="OperationCanceledException">The deadline came first.</exception>
    public async Task<ShardSession> OpenAsync(CancellationToken deadline)
    {
        if (Abandoned >= MaxAbandoned)
            throw new NpgsqlException($"{MaxAbandoned} sessions at this shard hang; no more are opened until some of them end.", new TimeoutException());
        return await OpenInAnyCaseAsync(deadline);
    }

    /// <summary>The same for the monitor, which must find out when the shard goes on.</summary>
    public async Task<ShardSession> OpenInAnyCaseAsync(CancellationToken deadline)
    {
        var generation = Generation; // before it is opened: what happens to the server meanwhile makes it old
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline);
        limit.CancelAfter(OpenLimit);
        var opening = source.OpenAsync(limit.Token);
        // What is sent right behind the opening (SessionSettings.SetNewerAsync) knows neither the token nor a timeout.
        await ((Task)opening).WaitAsync(OpenLimit + CheckLimit, deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!opening.IsCompleted)
        {
            _ = CloseLateAsync(opening);
            deadline.ThrowIfCancellationRequested();
            throw TooLate(null);
        }
        try
        {
            return new ShardSession(await opening, generation, Environment.TickCount64, log, standby);
        }
        catch (OperationCanceledException e) when (!deadline.IsCancellationRequested)
        {
            throw TooLate(e);
        }
    }

    private static NpgsqlException TooLate(Exception? cause) => new("The shard did not accept a connection in time.", cause ?? new TimeoutException());

    private async Task CloseLateAsync(Task<ShardConnection> opening)
    {
        Interlocked.Increment(ref _abandoned);
        await ((Task)opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        Interlocked.Decrement(ref _abandoned);
        if (opening.IsCompletedSuccessfully)
            await new ShardSession(await opening, Generation, 0).CloseAsync();
    }

    /// <summary>No session that was made before now is used again; one that is in use goes when it is put back.</summary>
    public void Renew()
    {
        Interlocked.Increment(ref _generation);
        TakeAll().ForEach(Drop);
    }

    /// <summary>Closes sessions that were not needed for a while.</summary>
    public void Trim()
    {
        List<ShardSession> unused;
        lock (_gate)
        {
            var now = Environment.TickCount64;
            var count = _idle.FindIndex(session => now - session.UsedAt < KeptFor.TotalMilliseconds);
            unused = _idle.GetRange(0, count < 0 ? _idle.Count : count);
            _idle.RemoveRange(0, unused.Count);
        }
        unused.ForEach(Drop);
    }

    private List<ShardSession> TakeAll()
    {
        lock (_gate)
        {
            List<ShardSession> all = [.. _idle];
            _idle.Clear();
            return all;
        }
    }

    /// <summary>Below those that came back meanwhile: they have been used since.</summary>
    private void PutBack(List<ShardSession> sessions)
    {
        lock (_gate)
        {
            var kept = sessions.FindAll(session => session.Generation == _generation && !_isClosed);
            _idle.InsertRange(0, kept);
            sessions.RemoveAll(kept.Contains);
        }
        sessions.ForEach(Drop);
    }

    private ShardSession? TryPop()
    {
        lock (_gate)
        {
            if (_idle.Count == 0)
                return null;
            var last = _idle[^1];
            _idle.RemoveAt(_idle.Count - 1);
            return last;
        }
    }

    /// <returns>False: its line is dead, or the server hangs; the session is given up.</returns>
    private async Task<bool> AnswersAsync(ShardSession session)
    {
        var asked = AskNothingAsync(session.Connection);
        await asked.WaitAsync(CheckLimit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (asked.IsCompletedSuccessfully)
        {
            session.Used();
            return true;
        }
        Abandon(session, asked);
        return false;
    }

    private static async Task AskNothingAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("select", connection);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        List<ShardSession> idle;
        lock (_gate)
        {
            _isClosed = true;
            idle = [.. _idle];
            _idle.Clear();
        }
        await Task.WhenAll(idle.Select(session => session.CloseAsync()));
    }
}
