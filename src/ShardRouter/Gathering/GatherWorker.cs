using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Npgsql;
using ShardCore.Shards;
using ShardRouter.Items;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Gathering;

/// <summary>Carries out gathered operations, one statement after the other, on a connection of its own.</summary>
/// <remarks>
/// When the statement fails with an ERROR its transaction is rolled back and nothing of it was applied; one operation may be
/// to blame, or a row or slot on which it had to wait (the connection has a short lock_timeout). So each is then carried out
/// alone, by the ordinary way and with its own deadline: the slow or bad one harms only itself, and later ones on its key, which
/// wait behind it (<see cref="AloneKeys{TOperation,TResult}"/>). When the connection is
/// lost nobody knows, or the commit was not confirmed, the writes among them are "outcome unknown", and the reads are asked again. On a
/// read-only shard each would fail alone too.
/// </remarks>
/// <param name="alone">Of the lane; null: its operations need no order.</param>
internal sealed class GatherWorker<TOperation, TResult>(GatherKind<TOperation, TResult> kind, ShardPool pool, AloneKeys<TOperation, TResult>? alone, RouterMetrics metrics) : IAsyncDisposable
{
    private const int MaxOperations = 128;
    private const int MaxBytes = 1024 * 1024;
    private const int MaxAnswerBytes = 4 * 1024 * 1024;

    /// <summary>A statement that takes longer is given up with its session: the server hangs, or is out of reach, or its disk does.</summary>
    private static readonly TimeSpan StatementLimit = TimeSpan.FromSeconds(5);

    /// <summary>An operation is answered without its place in the log if that takes longer.</summary>
    private static readonly TimeSpan LocateLimit = TimeSpan.FromMilliseconds(500);

    private readonly List<GatheredOperation<TOperation, TResult>> _taken = new(MaxOperations);
    private ShardSession? _session;
    private IGatheredStatement<TOperation, TResult>? _statement;
    private int _triedIn; // the circuit's generation
    private long _expectedBytes;
    private int _most = MaxOperations;

    /// <summary>It has a session that a statement can be sent on at once.</summary>
    public bool IsReady => _session is not null && pool.GatherSessions.IsFresh(_session);

    /// <summary>Operations in the last statement.</summary>
    public int Taken => _taken.Count;

    /// <returns>False: nothing waits.</returns>
    public bool Take(WaitingOperations<TOperation, TResult> waiting)
    {
        _taken.Clear();
        var limit = Math.Clamp(MaxAnswerBytes / Math.Max(_expectedBytes, 1), 1, _most);
        if (alone is null or { IsEmpty: true })
        {
            waiting.TakeInto(_taken, limit, MaxBytes, kind.SizeOf);
            return _taken.Count > 0;
        }
        var bytes = 0;
        while (_taken.Count < limit && bytes < MaxBytes && TryNext(waiting, out var operation))
        {
            if (!operation.TryTake())
                continue; // its time was over in the queue
            _taken.Add(operation);
            bytes += kind.SizeOf(operation.Operation);
        }
        return _taken.Count > 0;
    }

    /// <summary>First what has waited for its key, then the queue, without what has to wait for its key.</summary>
    private bool TryNext(WaitingOperations<TOperation, TResult> waiting, [NotNullWhen(true)] out GatheredOperation<TOperation, TResult>? operation)
    {
        while (!alone!.TryTakeBack(out operation))
        {
            if (!waiting.TryDequeue(out operation))
                return false;
            if (!alone.TryJoin(operation))
                return true;
            if (!pool.Circuit.IsClosed)
                operation.TryGiveUp(ShardFailure.Unavailable); // it opened, and ended the others' wait, between our taking it out of the queue and its joining
        }
        return true;
    }

    /// <summary>Makes a session ready.</summary>
    /// <returns>What went wrong; null: nothing.</returns>
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

    /// <summary>Sends what was taken, in one statement, and answers it.</summary>
    /// <param name="waiting">Where the next ones come from.</param>
    /// <param name="trouble">There is no session to send it on.</param>
    public async Task RunAsync(WaitingOperations<TOperation, TResult> waiting, Exception? trouble)
    {
        if (trouble is not null)
        {
            Fail(trouble, sent: false);
            return;
        }
        metrics.Gathered(pool.Name, kind.Name, _taken.Count);
        var session = _session!;
        Task<Fenced<TResult>[]>? statement = null;
        Fenced<TResult>[] answers;
        try
        {
            statement = _statement!.ExecuteAsync([.. _taken.Select(each => each.Operation)]);
            answers = await (statement.IsCompletedSuccessfully ? statement : statement.WaitAsync(StatementLimit));
            session.RequireConfirmed(); // it is done only if its commit is
            session.Used();
        }
        catch (Exception e)
        {
            GiveUp(session, statement, e);
            Fail(e, sent: statement is not null);
            return;
        }
        Expect(answers);
        if (_taken.Exists(each => kind.IsLocated(each.Operation)))
            await LocateAsync(session, answers);
        Answer(answers, waiting);
    }

    /// <summary>
    /// Where in the log some of the operations are. The others are answered before that. It changes no answer: what is not located is done
    /// all the same.
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

    /// <summary>A statement that failed leaves its session as it was. One that did not end, or whose end is not known, does not.</summary>
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
        if (error is PostgresException { SqlState: PostgresErrorCodes.QueryCanceled })
            _most = Math.Max(_taken.Count / 2, 1); // one of them is slow, or the shard is: fewer at a time until it goes well again
    }

    private void Forget() => (_session, _statement) = (null, null);

    /// <summary>
    /// An answer is in memory whole, and how large a document is only the shard knows. So as many go into the next statement as fit if its documents are as
    /// large on average as those of the last; where they have become smaller, twice as many as before. One answer may be too large: the first with large ones.
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
        _most = Math.Min(_most + 1 + (_most / 8), MaxOperations);
    }

    /// <summary>
    /// A request whose operation came alone goes on here, on the thread that read its answer: handing it over costs more than the rest of its way. Of several each
    /// goes on where there is a thread for it, so that they share the processors and the next statement is sent first; so too where others wait already.
    /// </summary>
    private void Answer(Fenced<TResult>[] answers, WaitingOperations<TOperation, TResult> waiting)
    {
        var onThisThread = answers.Length == 1 && waiting.IsEmpty && RuntimeHelpers.TryEnsureSufficientExecutionStack(); // that request may bring the next operation
        for (var i = 0; i < answers.Length; i++)
        {
            if (answers[i].Value is { } value && kind.IsLeftOut(value))
                AskAgain(_taken[i], waiting);
            else
                _taken[i].TryAnswer(answers[i], onThisThread);
        }
    }

    private static void AskAgain(GatheredOperation<TOperation, TResult> operation, WaitingOperations<TOperation, TResult> waiting)
    {
        operation.PutBack();
        if (!operation.IsAnswered)
            waiting.Enqueue(operation);
    }

    /// <summary>What it says of the shard may not hold any more.</summary>
    private static bool IsOld(ShardSession session) => Environment.TickCount64 - session.OpenedAt >= ShardPool.ReadOnlyBelievedFor.TotalMilliseconds;

    private void Fail(Exception error, bool sent)
    {
        var open = _taken.Where(operation => !operation.IsAnswered).ToArray();
        if (open.Length == 0)
            return;
        var notApplied = error is PostgresException && (ShardErrors.IsEndedIdle(error) || !(ShardErrors.IsConnectionLost(error) || ShardErrors.IsReadOnly(error)));
        if (notApplied || (sent && !kind.Writes))
        {
            CarryOutAlone(open);
            return;
        }
        var failed = pool.Failed(ShardErrors.Classify(error, mayHaveLanded: sent && kind.Writes) ?? ShardFailure.Unavailable, error, sent, _triedIn);
        foreach (var operation in open)
            operation.TryFail(failed.Failure, error);
    }

    private void CarryOutAlone(GatheredOperation<TOperation, TResult>[] open)
    {
        foreach (var operation in open)
            operation.PutBack();
        foreach (var same in open.GroupBy(operation => kind.KeyOf(operation.Operation)))
        {
            GatheredOperation<TOperation, TResult>[] operations = [.. same];
            alone?.Begin(same.Key, operations);
            _ = RunAloneAsync(same.Key, operations);
        }
    }

    /// <summary>One after the other: those on one key keep their order.</summary>
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
