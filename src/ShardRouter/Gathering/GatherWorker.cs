using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Npgsql;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Gathering;

/// <summary>Carries out gathered operations, one statement after another, on a connection of its own.</summary>
/// <remarks>
/// A statement that fails with an ERROR is rolled back, and nothing of it was applied. One operation may be to blame, or a row or slot on
/// which it had to wait (the connection has a short lock_timeout). So each operation is then carried out alone, in the ordinary way and
/// with its own deadline. A slow or bad operation harms only itself, and later ones on its key, which wait behind it
/// (<see cref="AloneKeys{TOperation,TResult}"/>).
/// A statement that meets its limit of time is different: the shard itself may be slow, because it has too much to do. Single calls would
/// cost the shard far more than the statement, so it would have even more to do, and would never recover. So these operations go together
/// again, an eighth as many in a statement, before all others (<see cref="WaitingOperations{TOperation,TResult}.PutFirst"/>). Only the last
/// one that is left goes alone.
/// Why they keep their order on a key: the lane has one worker, and this worker takes what was put first before it takes anything else.
/// If a key then begins to be carried out alone, its operations among those that were put first go along.
/// If the connection is lost, or the commit was not confirmed, nobody knows what was applied. Then the writes get "outcome unknown", and
/// the reads are asked again.
/// On a read-only shard no write is tried alone, because each would fail too.
/// </remarks>
/// <param name="alone">The keys of the lane that are carried out alone; null: the operations need no order.</param>
/// <param name="delay">Is told how long statements take.</param>
internal sealed class GatherWorker<TOperation, TResult>(
    GatherKind<TOperation, TResult> kind, ShardPool pool, AloneKeys<TOperation, TResult>? alone, QueueDelay delay, RouterMetrics metrics)
    : IAsyncDisposable
{
    private const int MaxOperations = 128;

    /// <summary>If fewer operations take too long together, one of them is to blame rather than the shard.</summary>
    private const int FewestOfSlowShard = 8;

    private const int MaxBytes = 1024 * 1024;
    private const int MaxAnswerBytes = 4 * 1024 * 1024;

    /// <summary>
    /// The worker gives up a statement that takes longer, with its session: the server or its disk hangs, or the server is out of reach.
    /// </summary>
    private static readonly TimeSpan StatementLimit = TimeSpan.FromSeconds(5);

    /// <summary>If locating takes longer, the operations are answered without their place in the log.</summary>
    private static readonly TimeSpan LocateLimit = TimeSpan.FromMilliseconds(500);

    private readonly List<GatheredOperation<TOperation, TResult>> _taken = new(MaxOperations);
    private ShardSession? _session;
    private IGatheredStatement<TOperation, TResult>? _statement;
    private int _triedIn; // the circuit's generation at the last connect
    private long _expectedBytes;
    private int _most = MaxOperations;
    private bool _takesAgain; // the statement has operations that were put first
    private int _capacity; // how many operations the taken ones could have been

    /// <summary>The worker has a session on which it can send a statement at once.</summary>
    public bool IsReady => _session is not null && pool.GatherSessions.IsFresh(_session);

    /// <summary>How many operations the last statement had.</summary>
    public int Taken => _taken.Count;

    /// <returns>False: nothing waits.</returns>
    public bool Take(WaitingOperations<TOperation, TResult> waiting)
    {
        _taken.Clear();
        _takesAgain = waiting.HasFirst;
        var limit = (int)Math.Clamp(MaxAnswerBytes / Math.Max(_expectedBytes, 1), 1, _most);
        var bytes = alone is null or { IsEmpty: true }
            ? waiting.TakeInto(_taken, limit, MaxBytes, kind.SizeOf)
            : TakeInOrder(waiting, limit);
        _capacity = bytes >= MaxBytes ? _taken.Count : limit;
        return _taken.Count > 0;
    }

    private int TakeInOrder(WaitingOperations<TOperation, TResult> waiting, int limit)
    {
        var bytes = 0;
        while (bytes < MaxBytes && waiting.HasRoom(_taken.Count, ref limit) && TryNext(waiting, out var operation))
        {
            if (!operation.TryTake())
                continue; // its time ended in the queue
            _taken.Add(operation);
            bytes += kind.SizeOf(operation.Operation);
        }
        return bytes;
    }

    /// <summary>
    /// Takes first the operations that were taken before, then those that waited for their key, then those of the queue. An operation of
    /// the queue that must wait for its key joins that key.
    /// </summary>
    private bool TryNext(WaitingOperations<TOperation, TResult> waiting, [NotNullWhen(true)] out GatheredOperation<TOperation, TResult>? operation)
    {
        if (waiting.TryDequeueFirst(out operation))
            return true;
        while (!alone!.TryTakeBack(out operation))
        {
            if (!waiting.TryDequeue(out operation))
                return false;
            if (!alone.TryJoin(operation))
                return true;
            if (!pool.Circuit.IsClosed)
                operation.TryGiveUp(ShardFailure.Unavailable); // the others' wait ended after it left the queue and before it joined
        }
        return true;
    }

    /// <summary>Makes a session ready for the next statement.</summary>
    /// <returns>The error; null: the session is ready.</returns>
    public async Task<Exception?> ConnectAsync()
    {
        var held = _session;
        Forget();
        _triedIn = pool.Circuit.Generation;
        try
        {
            _session = await pool.GatherSessions.RefreshAsync(held, CancellationToken.None);
            _statement = kind.NewStatement(_session);
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    /// <summary>Sends the taken operations in one statement, and answers them.</summary>
    /// <param name="waiting">The queue with the next operations.</param>
    /// <param name="trouble">Why there is no session to send the statement on; null: there is one.</param>
    public async Task RunAsync(WaitingOperations<TOperation, TResult> waiting, Exception? trouble)
    {
        if (trouble is not null)
        {
            Fail(trouble, sent: false, waiting);
            return;
        }
        metrics.Gathered(pool.Name, kind.Name, _taken.Count);
        var session = _session!;
        Task<Fenced<TResult>[]>? statement = null;
        Fenced<TResult>[] answers;
        var startedAt = Stopwatch.GetTimestamp();
        try
        {
            statement = _statement!.ExecuteAsync([.. _taken.Select(each => each.Operation)]);
            answers = await (statement.IsCompletedSuccessfully ? statement : statement.WaitAsync(StatementLimit));
            session.RequireConfirmed(); // the statement is done only if its commit is confirmed
            session.Used();
            if (!_takesAgain)
                delay.Took(Stopwatch.GetTimestamp() - startedAt, _capacity);
        }
        catch (Exception e)
        {
            GiveUp(session, statement, e);
            Fail(e, sent: statement is not null, waiting);
            if (IsTooSlow(e) && !_takesAgain && _taken.Count >= FewestOfSlowShard)
                delay.TookTooLong(Stopwatch.GetTimestamp() - startedAt, _capacity);
            return;
        }
        Expect(answers);
        if (_taken.Exists(each => kind.IsLocated(each.Operation)))
            await LocateAsync(session, answers);
        Answer(answers, waiting);
    }

    /// <summary>
    /// Finds the places in the log for the operations that want to know them. The others are answered before that. It changes no answer:
    /// an operation that is not located is still done.
    /// </summary>
    private async Task LocateAsync(ShardSession session, Fenced<TResult>[] answers)
    {
        for (var i = 0; i < answers.Length; i++)
            if (!kind.IsLocated(_taken[i].Operation))
                _taken[i].TryAnswer(answers[i], onThisThread: false);
        Task? locating = null;
        try
        {
            locating = _statement!.LocateAsync([.. _taken.Select(each => each.Operation)]);
            await locating.WaitAsync(LocateLimit);
        }
        catch (Exception e)
        {
            GiveUp(session, locating, e);
        }
    }

    /// <summary>
    /// A statement that failed leaves its session usable. A statement that did not end, or whose end is not known, does not.
    /// </summary>
    private void GiveUp(ShardSession session, Task? statement, Exception error)
    {
        if (statement is { IsCompleted: false })
        {
            pool.Abandon(session, statement, kind.Writes);
            Forget();
        }
        else if (error is not PostgresException || !session.IsOpen || (ShardErrors.IsReadOnly(error) && IsOld(session)))
        {
            ShardSessions.Drop(session);
            Forget();
        }
        // An operation or the shard is slow: fewer operations go together until statements end in time again. Until an operation that is slow
        // by itself is found, several statements take too long. Only the first of them says something of the shard.
        if (IsTooSlow(error) && !_takesAgain && _taken.Count >= FewestOfSlowShard)
            _most = Math.Max(_taken.Count / 2, FewestOfSlowShard);
    }

    private void Forget() => (_session, _statement) = (null, null);

    /// <summary>
    /// A whole answer is in memory, and only the shard knows how large a document is. So the next statement has as many operations as fit
    /// if its documents are on average as large as those of the last one. If documents have become smaller, it has at most twice as many
    /// as before. One answer may be too large: the first one with large documents.
    /// </summary>
    private void Expect(Fenced<TResult>[] answers)
    {
        var (bytes, count) = (0L, 0);
        foreach (var answer in answers)
        {
            if (answer.Value is { } value && kind.IsLeftOut(value))
                continue;
            bytes += answer.Value is { } here ? kind.AnswerSizeOf(here) : 0;
            count++;
        }
        _expectedBytes = Math.Max(bytes / Math.Max(count, 1), _expectedBytes / 2);
        _most = Math.Min(_most + 1 + (_most / 32), MaxOperations); // slowly: the next one that takes too long is work for nothing
    }

    /// <summary>
    /// If an operation went alone, its request goes on here, on the thread that read the answer: handing it over costs more than the rest
    /// of its way. If several went together, or others wait already, each request goes on where the pool has a thread. So they share the
    /// processors, and the next statement is sent first.
    /// </summary>
    private void Answer(Fenced<TResult>[] answers, WaitingOperations<TOperation, TResult> waiting)
    {
        // The stack must suffice, because that request may bring the next operation within this call.
        var onThisThread = answers.Length == 1 && waiting.IsEmpty && RuntimeHelpers.TryEnsureSufficientExecutionStack();
        for (var i = 0; i < answers.Length; i++)
        {
            if (answers[i].Value is { } value && kind.IsLeftOut(value))
                AskAgain(_taken[i], waiting);
            else
                _taken[i].TryAnswer(answers[i], onThisThread);
        }
    }

    private void AskAgain(GatheredOperation<TOperation, TResult> operation, WaitingOperations<TOperation, TResult> waiting)
    {
        operation.PutBack();
        if (operation.IsAnswered)
            return;
        waiting.Enqueue(operation);
        FailWaitingIfOpen(waiting);
    }

    /// <summary>Whether the session is so old that a read-only shard may be writable again.</summary>
    private static bool IsOld(ShardSession session) => Environment.TickCount64 - session.OpenedAt >= ShardPool.ReadOnlyBelievedFor.TotalMilliseconds;

    /// <summary>The statement met its limit. It was rolled back.</summary>
    private static bool IsTooSlow(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.QueryCanceled };

    private void Fail(Exception error, bool sent, WaitingOperations<TOperation, TResult> waiting)
    {
        var open = _taken.Where(operation => !operation.IsAnswered).ToArray();
        if (open.Length == 0)
            return;
        var notApplied = error is PostgresException && (ShardErrors.IsEndedIdle(error) || !(ShardErrors.IsConnectionLost(error) || ShardErrors.IsReadOnly(error)));
        if (notApplied || (sent && !kind.Writes))
        {
            if (sent && open.Length > 1 && IsTooSlow(error))
                TakeAgain(open, waiting);
            else
                CarryOutAlone(open, waiting);
            return;
        }
        var failed = pool.Failed(ShardErrors.Classify(error, mayHaveLanded: sent && kind.Writes) ?? ShardFailure.Unavailable, error, sent, _triedIn);
        foreach (var operation in open)
            operation.TryFail(failed.Failure, error);
    }

    /// <summary>
    /// Each operation remembers with how few others it may go. So an operation that is slow by itself is found in a few steps, and those
    /// that are not in its part lose nothing more to it.
    /// </summary>
    private void TakeAgain(GatheredOperation<TOperation, TResult>[] open, WaitingOperations<TOperation, TResult> waiting)
    {
        foreach (var operation in open)
        {
            operation.Together = Math.Max(open.Length / 8, 1);
            operation.PutBack();
        }
        waiting.PutFirst([.. open.Where(operation => !operation.IsAnswered)]);
        FailWaitingIfOpen(waiting);
    }

    /// <summary>The circuit may have opened while operations were not in the queue. Then it did not find them there.</summary>
    private void FailWaitingIfOpen(WaitingOperations<TOperation, TResult> waiting)
    {
        if (!pool.Circuit.IsClosed)
            waiting.GiveUp(ShardFailure.Unavailable);
    }

    private void CarryOutAlone(GatheredOperation<TOperation, TResult>[] open, WaitingOperations<TOperation, TResult> waiting)
    {
        foreach (var operation in open)
            operation.PutBack();
        if (alone is not null)
        {
            var keys = open.Select(operation => kind.KeyOf(operation.Operation)).ToHashSet();
            open = [.. open, .. waiting.TakeFirst(operation => keys.Contains(kind.KeyOf(operation.Operation)))];
            FailWaitingIfOpen(waiting); // the others of those that were put first
        }
        metrics.Alone(pool.Name, kind.Name, open.Length);
        foreach (var same in open.GroupBy(operation => kind.KeyOf(operation.Operation)))
        {
            GatheredOperation<TOperation, TResult>[] operations = [.. same];
            alone?.Begin(same.Key, operations);
            _ = RunAloneAsync(same.Key, operations);
        }
    }

    /// <summary>The operations run one after another, so those on one key keep their order.</summary>
    private async Task RunAloneAsync(ItemKey key, GatheredOperation<TOperation, TResult>[] operations)
    {
        foreach (var operation in operations.Where(operation => operation.TryTakeAlone()))
        {
            try
            {
                operation.TryAnswer(await kind.Alone(pool, operation.Operation, operation.Deadline), onThisThread: false);
            }
            catch (Exception e)
            {
                operation.TryFail(e);
            }
        }
        alone?.End(key);
    }

    public ValueTask DisposeAsync()
    {
        if (_session is not null)
            ShardSessions.Drop(_session);
        Forget();
        return ValueTask.CompletedTask;
    }
}
