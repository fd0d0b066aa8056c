using System.Diagnostics;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardCore.Shards.Failover;
using ShardRouter.Outcomes;
using ShardRouter.Telemetry;

namespace ShardRouter.Shards;

/// <summary>
/// The way to one shard: its sessions, a bulkhead and its circuit. The bulkhead keeps a slow shard from holding more than its own
/// requests.
/// </summary>
/// <param name="shard">Its id and address.</param>
/// <param name="sessions">The sessions for single calls.</param>
/// <param name="gatherSessions">The sessions for gathered statements, which have other settings.</param>
/// <param name="cancel">Ends statements whose time is over.</param>
/// <param name="size">How many calls run at the same time.</param>
/// <param name="circuit">Whether the shard is worth asking.</param>
/// <param name="metrics">Counts calls and failures.</param>
/// <param name="log">Logs failures.</param>
internal sealed partial class ShardPool(
    Shard shard, ShardSessions sessions, ShardSessions gatherSessions, StatementCancel cancel, int size, ShardCircuit circuit,
    RouterMetrics metrics, ILogger log)
    : IAsyncDisposable
{
    /// <summary>The most requests that wait for one shard. Further ones are refused: their deadline would pass in the queue.</summary>
    public const int MaxWaiting = 4096;

    private const int MaxAttempts = 5;

    /// <summary>A call has many operations, or long ones. So it may wait this many times longer than one that is gathered.</summary>
    private const int CallPatience = 4;

    /// <summary>
    /// A read-only session that is younger than this is believed. So a shard that stays read-only gets a few new connections a second,
    /// and not one for each write that it refuses. A shard that is writable again takes writes at most this much later.
    /// </summary>
    public static readonly TimeSpan ReadOnlyBelievedFor = TimeSpan.FromMilliseconds(250);

    private readonly SemaphoreSlim _permits = new(size, size);
    private readonly QueueDelay _delay = new(QueueTarget.None, size);
    private long _renewedAt = Environment.TickCount64 - (long)ReadOnlyBelievedFor.TotalMilliseconds;
    private int _waiting;

    /// <summary>Raised when the shard has left the ring. Everything that is kept for the shard must be let go then.</summary>
    public event EventHandler? Closed;

    public Shard Shard => shard;

    /// <summary>The pool's name in metrics: the name of the shard. A pool of a standby has the names of the shard and the host.</summary>
    public string Name { get; init; } = shard.Id.Value;

    /// <summary>This router's knowledge of the shard's log; null: nobody asks.</summary>
    public ShardLog? Log { get; init; }

    /// <summary>The shard's primary; null: the shard has one host.</summary>
    public ShardPrimary? Primary { get; init; }

    /// <summary>The shard's standbys; null: the shard has one host, or this is the pool of a standby.</summary>
    public StandbyPools? Standbys { get; init; }

    /// <summary>The sessions for gathered statements. Each gathering worker keeps one.</summary>
    public ShardSessions GatherSessions => gatherSessions;

    /// <summary>How long operations should wait for this shard.</summary>
    public QueueTarget QueueTarget
    {
        get;
        init => _delay = new(new QueueTarget((field = value).Delay * CallPatience), size);
    } = QueueTarget.None;

    /// <summary>How long a single call that comes now will wait for a session.</summary>
    public TimeSpan Delay => _delay.Of(Waiting);

    public ShardCircuit Circuit => circuit;

    public int InUse => size - _permits.CurrentCount;

    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Sessions that hang and for which nobody waits.</summary>
    public int Abandoned => sessions.Abandoned + gatherSessions.Abandoned;

    /// <summary>Runs one call on a session of the shard, and counts it.</summary>
    /// <exception cref="ShardCallException">No answer.</exception>
    public async Task<T> RunAsync<T>(string operation, bool writes, Func<ShardCall, Task<T>> call, CancellationToken deadline)
    {
        ThrowIfOpen(); // not called, so not counted
        var startedAt = Stopwatch.GetTimestamp();
        try
        {
            return await RunUncountedAsync(writes, call, deadline);
        }
        catch (ShardCallException e)
        {
            metrics.ShardFailed(Name, e.Failure);
            throw;
        }
        finally
        {
            metrics.ShardAnswered(Name, operation, startedAt);
        }
    }

    /// <summary>
    /// Runs one call on a session of the shard. It does not count the call, because the operation is counted where it waited before.
    /// </summary>
    /// <param name="writes">The call changes data. After a lost connection its outcome is unknown, and it is not repeated.</param>
    /// <param name="call">
    /// When the call returns it must have read its answer to the end: only then has the commit happened. It gives Npgsql no token and no
    /// timeout (<see cref="ShardSessions"/>).
    /// </param>
    /// <param name="deadline">Cancelled when the request's time is over.</param>
    /// <exception cref="ShardCallException">No answer.</exception>
    public async Task<T> RunUncountedAsync<T>(bool writes, Func<ShardCall, Task<T>> call, CancellationToken deadline)
    {
        if (writes)
            ThrowIfCommitsWait();
        await EnterAsync(deadline);
        var turn = new CallTurn();
        return await CallLimit.WithinAsync(CallAsync(writes, call, turn, deadline), turn, writes, shard.Id.Value, deadline);
    }

    /// <exception cref="ShardCallException">The shard is not worth asking now.</exception>
    public void ThrowIfOpen()
    {
        if (!circuit.IsClosed)
            throw new ShardCallException(ShardFailure.Unavailable, shard.Id.Value);
    }

    /// <exception cref="ShardCallException">Commits wait for a standby that is not there. A further commit would wait too.</exception>
    public void ThrowIfCommitsWait()
    {
        if (cancel.CommitsWait)
            throw new ShardCallException(ShardFailure.Unavailable, shard.Id.Value);
    }

    /// <summary>Gives up a gathered statement that does not end.</summary>
    public void Abandon(ShardSession session, Task statement, bool writes)
    {
        gatherSessions.Abandon(session, statement);
        if (writes)
            _ = cancel.GivenUpAsync(session, statement);
    }

    private async Task<T> CallAsync<T>(bool writes, Func<ShardCall, Task<T>> call, CallTurn turn, CancellationToken deadline)
    {
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                var (sent, generation) = (false, circuit.Generation);
                try
                {
                    var session = await sessions.TakeAsync(deadline);
                    sent = !deadline.IsCancellationRequested && turn.TrySend();
                    if (sent)
                        return await OnSessionAsync(session, call, deadline);
                    sessions.Return(session, hasAnswered: false);
                    throw new OperationCanceledException(deadline);
                }
                catch (Exception e) when (attempt == 1 && ShardErrors.IsEndedIdle(e))
                {
                    sessions.Renew(); // this idle session was ended, so others are too; nothing was applied, try once more
                }
                catch (Exception e) when (attempt < MaxAttempts && MayRepeat(e, sent, writes))
                {
                    // nothing was applied; try once more
                }
                catch (Exception e) when (ShardErrors.Classify(e, mayHaveLanded: sent && writes) is { } failure)
                {
                    throw Failed(failure, e, sent, generation);
                }
                turn.TakeBack();
            }
        }
        finally
        {
            _permits.Release();
        }
    }

    /// <summary>
    /// A call whose time is over is cancelled. If it does not end then, its server or its connection hangs. Its session is abandoned, and
    /// its permit becomes free for others.
    /// </summary>
    private async Task<T> OnSessionAsync<T>(ShardSession session, Func<ShardCall, Task<T>> call, CancellationToken deadline)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var running = call(new ShardCall(session, cancel));
        await ((Task)running).WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!running.IsCompleted && !await cancel.StopAsync(session, running))
        {
            sessions.Abandon(session, running);
            throw cancel.IsUnconfirmed(session)
                ? new CommitNotConfirmedException("its time was over while it waited")
                : new TimeoutException("The shard neither answered nor stopped.");
        }
        try
        {
            var answer = await running;
            session.RequireConfirmed(); // the call is done only if its commit is confirmed
            _delay.Took(Stopwatch.GetTimestamp() - startedAt, most: 1);
            return answer;
        }
        finally
        {
            sessions.Return(session);
        }
    }

    private static bool MayRepeat(Exception error, bool sent, bool writes) =>
        ShardErrors.IsRolledBackAndRepeatable(error) || (sent && !writes && ShardErrors.IsConnectionLost(error));

    private async Task EnterAsync(CancellationToken deadline)
    {
        ThrowIfOpen();
        if (_permits.Wait(0, CancellationToken.None))
            return;
        if (Interlocked.Increment(ref _waiting) is var waiting && (waiting > MaxWaiting || _delay.IsTooLong(waiting)))
        {
            Interlocked.Decrement(ref _waiting);
            throw new ShardCallException(ShardFailure.Overloaded, shard.Id.Value);
        }
        try
        {
            await _permits.WaitAsync(deadline);
        }
        catch (OperationCanceledException e)
        {
            throw new ShardCallException(ShardFailure.DeadlineExceeded, shard.Id.Value, e);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
        if (!circuit.IsClosed) // the shard went away: the waiting requests must not run into a connect timeout one by one
        {
            _permits.Release();
            throw new ShardCallException(ShardFailure.Unavailable, shard.Id.Value);
        }
    }

    /// <summary>Logs a failure, and opens the circuit if no connection can be made.</summary>
    /// <param name="generation">
    /// The circuit's generation when the connection was tried. An attempt from before the shard came back says nothing about the shard
    /// now.
    /// </param>
    public ShardCallException Failed(ShardFailure failure, Exception error, bool sent, int generation)
    {
        if (ShardErrors.IsReadOnly(error))
            RenewReadOnly();
        if (failure is ShardFailure.Unavailable or ShardFailure.OutcomeUnknown or ShardFailure.Defect && error is not OperationCanceledException)
        {
            if (!sent && error is not PostgresException && !ShardErrors.IsLate(error) && generation == circuit.Generation)
                circuit.Open(error.Message); // no connection can be made; the monitor closes the circuit again
            LogFailed(
                Name, failure, error.GetType().Name,
                error is PostgresException postgres ? postgres.SqlState + " " + postgres.MessageText : error.Message);
        }
        return new ShardCallException(failure, shard.Id.Value, error);
    }

    /// <summary>
    /// Replaces all sessions, because nobody can say which of them was read-only. A session in use goes when it is given back.
    /// </summary>
    private void RenewReadOnly()
    {
        var (renewedAt, now) = (Interlocked.Read(ref _renewedAt), Environment.TickCount64);
        if (now - renewedAt >= ReadOnlyBelievedFor.TotalMilliseconds && Interlocked.CompareExchange(ref _renewedAt, now, renewedAt) == renewedAt)
            sessions.Renew();
    }

    public async ValueTask DisposeAsync()
    {
        Closed?.Invoke(this, EventArgs.Empty);
        if (Standbys is not null)
            await Standbys.DisposeAsync();
        await sessions.DisposeAsync();
        await gatherSessions.DisposeAsync();
    }

    [LoggerMessage(LogLevel.Warning, "A call of shard {Shard} failed ({Failure}, {Error}): {Reason}")]
    private partial void LogFailed(string shard, ShardFailure failure, string error, string reason);
}
