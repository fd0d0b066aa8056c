using Npgsql;
using ShardCore.Sessions;
using ShardCore.Shards;

namespace ShardRouter.Shards;

/// <summary>
/// The open sessions of one shard that are not in use. The session that was used last is taken first. This is not Npgsql's pool, because
/// a session that hangs must be given up here at once.
/// </summary>
/// <remarks>
/// Npgsql gives a command up by cancelling it at the server, on a second connection and with a blocked thread. If the server hangs, each
/// command holds one thread for seconds, and the answers of other shards find no thread. So in this program no statement has a token that
/// is cancelled while it runs, or a timeout of Npgsql's own.
/// The router awaits each statement up to a limit, and then abandons its session: nobody touches the session again, and it is closed when
/// its call ends. If the line was cut, the call ends when the kernel gives the connection up.
/// </remarks>
/// <param name="source">The database, without Npgsql's pool.</param>
/// <param name="log">The log of the shard; null: nobody asks on these sessions where the log is.</param>
/// <param name="standby">The standby to which the sessions are connected; null: they are connected to the primary.</param>
internal sealed class ShardSessions(ShardDatabase source, ShardLog? log = null, StandbyHost? standby = null) : IAsyncDisposable
{
    /// <summary>The most sessions whose calls never ended. More of them would cost the server more connections than it may have.</summary>
    public const int MaxAbandoned = 256;

    private static readonly TimeSpan OpenLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan CheckLimit = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(60);

    /// <summary>
    /// So many sessions are opened at the same time. A new session costs a shard as much as hundreds of reads, and while many are opened,
    /// others are given back.
    /// </summary>
    private const int MostOpening = 4;

    /// <summary>Who waits until a session may be opened takes one that was given back meanwhile.</summary>
    private static readonly TimeSpan LooksAgainAfter = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim _opening = new(MostOpening, MostOpening);
    private readonly Lock _gate = new(); // held for a few instructions
    private readonly List<ShardSession> _idle = []; // the session used last is at the end
    private int _generation;
    private int _abandoned;
    private bool _isClosed;

    /// <summary>Grows when the sessions made so far must not be used any more.</summary>
    public int Generation => Volatile.Read(ref _generation);

    /// <summary>Sessions whose call has not ended yet and for which nobody waits.</summary>
    public int Abandoned => Volatile.Read(ref _abandoned);

    /// <param name="deadline">Ends the wait for a new connection.</param>
    /// <returns>A session whose connection worked a moment ago.</returns>
    /// <exception cref="NpgsqlException">No connection can be made.</exception>
    /// <exception cref="OperationCanceledException">The deadline came first.</exception>
    public async ValueTask<ShardSession> TakeAsync(CancellationToken deadline)
    {
        if (await TryTakeAsync() is { } idle)
            return idle;
        var startedAt = Environment.TickCount64;
        while (!await _opening.WaitAsync(LooksAgainAfter, deadline))
        {
            if (await TryTakeAsync() is { } givenBack)
                return givenBack;
            if (Environment.TickCount64 - startedAt >= OpenLimit.TotalMilliseconds)
                throw TooLate(null); // as for those whose connections are being opened
        }
        try
        {
            return await TryTakeAsync() ?? await OpenAsync(deadline);
        }
        finally
        {
            _opening.Release();
        }
    }

    private async ValueTask<ShardSession?> TryTakeAsync()
    {
        while (TryPop() is { } session)
        {
            if (session.IsTrusted)
                return session;
            // The sessions below it were silent for longer. They are taken out meanwhile: of many callers only one meets a dead
            // connection.
            var others = TakeAll();
            if (await AnswersAsync(session))
            {
                PutBack(others);
                return session;
            }
            others.ForEach(Drop);
        }
        return null;
    }

    /// <summary>Whether a worker may use the session that it keeps without a check.</summary>
    public bool IsFresh(ShardSession session) => session.Generation == Generation && session.IsTrusted && !session.IsWorn;

    /// <param name="held">The session that the worker has kept so far.</param>
    /// <param name="deadline">Ends the wait for a new connection.</param>
    /// <returns>The same session if its connection works, otherwise another.</returns>
    /// <exception cref="NpgsqlException">No connection can be made.</exception>
    public async Task<ShardSession> RefreshAsync(ShardSession? held, CancellationToken deadline)
    {
        if (held is { IsWorn: false } && held.Generation == Generation && (held.IsTrusted || await AnswersAsync(held)))
            return held;
        if (held is not null)
            Drop(held);
        return await TakeAsync(deadline);
    }

    /// <summary>Puts back a session whose call has ended. A session that was abandoned is not put back.</summary>
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
            if (session.IsOpen && !session.IsTainted && !session.IsWorn && session.Generation == _generation && !_isClosed)
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

    /// <summary>Gives up a session whose call has not ended.</summary>
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

    /// <summary>Asks the shard one question, within a limit.</summary>
    /// <exception cref="NpgsqlException">The shard could not be asked.</exception>
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

    /// <summary>Waits for a call on a session, and abandons the session if the call takes too long.</summary>
    /// <exception cref="TimeoutException">The call did not end in time.</exception>
    public async Task<T> WithinAsync<T>(ShardSession session, Task<T> call, TimeSpan limit)
    {
        await ((Task)call).WaitAsync(limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (call.IsCompleted)
            return await call;
        Abandon(session, call);
        throw new TimeoutException("The shard did not answer in time.");
    }

    /// <exception cref="NpgsqlException">No connection can be made.</exception>
    /// <exception cref="OperationCanceledException">The deadline came first.</exception>
    public async Task<ShardSession> OpenAsync(CancellationToken deadline)
    {
        if (Abandoned >= MaxAbandoned)
            throw new NpgsqlException($"{MaxAbandoned} sessions at this shard hang; no more are opened until some of them end.", new TimeoutException());
        return await OpenInAnyCaseAsync(deadline);
    }

    /// <summary>
    /// Opens a session also if <see cref="MaxAbandoned"/> sessions hang. The monitor needs it to find out when the shard goes on.
    /// </summary>
    public async Task<ShardSession> OpenInAnyCaseAsync(CancellationToken deadline)
    {
        var generation = Generation; // read before the session is opened: a change of the server meanwhile makes the session old
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline);
        limit.CancelAfter(OpenLimit);
        var opening = source.OpenAsync(limit.Token);
        // The statement that follows the opening (SessionStart.BeginAsync) has neither the token nor a timeout.
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

    /// <summary>No session that was made before now is used again. A session in use goes when it is put back.</summary>
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

    /// <summary>Puts sessions back below those that came back meanwhile, because those have been used since.</summary>
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

    /// <returns>False: the connection is dead or the server hangs. The session is given up.</returns>
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
