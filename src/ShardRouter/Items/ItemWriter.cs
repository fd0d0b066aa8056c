using Npgsql;
using ShardCore.Ring;
using ShardRouter.Consistency;
using ShardRouter.Gathering;
using ShardRouter.Outcomes;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Items;

/// <summary>
/// Writes items through the fenced function of their shard. Single writes are gathered. Several that came together go as one statement
/// per shard, and a transaction goes as a statement of its own.
/// </summary>
internal sealed class ItemWriter(SlotDispatch dispatch, TokenCheck tokens, RouterMetrics metrics) : IAsyncDisposable
{
    private const string RefusedTransaction = "SH003";
    private const int Workers = 2;

    /// <summary>The most bytes of documents that one shard's part of a batch, or a transaction, returns.</summary>
    private const int MaxReturnedBytes = 4 * 1024 * 1024;

    private static readonly GatherKind<WriteOperation, WriteResult> Kind = new(
        "write", Writes: true, Workers, KeepsOrder: true, operation => operation.Key, operation => operation.Doc?.Length ?? 0,
        result => result.Doc?.Length ?? 0, _ => false,
        session => new SessionWriteStatement(session, atomic: false), WriteAloneAsync)
    {
        IsLocated = SessionWriteStatement.IsLocated,
    };

    public GatherQueues<WriteOperation, WriteResult> Queues { get; } = new(Kind, metrics);

    /// <summary>How long a single write that comes now will wait before it is sent.</summary>
    public TimeSpan DelayOf(Slot slot) => dispatch.PoolOf(slot) is { } pool ? Queues.Of(pool).DelayOf(slot) : TimeSpan.Zero;

    /// <summary>The same of a transaction.</summary>
    public TimeSpan TransactionDelayOf(Slot slot) => dispatch.PoolOf(slot)?.Delay ?? TimeSpan.Zero;

    /// <exception cref="ProblemException">session-lost.</exception>
    public Task<Routed<WriteResult>> WriteAsync(WriteOperation operation, CancellationToken deadline) =>
        operation.Session is null ? SendAsync(operation, deadline) : CheckedAsync(operation, deadline); // most need no further state machine

    /// <summary>Applies each operation independently of the others.</summary>
    /// <param name="operations">All of one session, or of none.</param>
    /// <returns>One answer per operation, in their order.</returns>
    /// <exception cref="ProblemException">session-lost.</exception>
    public async Task<Routed<WriteResult>[]> WriteAsync(IReadOnlyList<WriteOperation> operations, CancellationToken deadline) =>
        await IsKnownAsync(operations, deadline)
            ? await dispatch.RunAsync(operations, operation => operation.Key.Slot, ShownAsync, deadline)
            : [.. operations.Select(_ => Routed<WriteResult>.Failed(ShardFailure.Unavailable, default))];

    /// <summary>Applies all operations in one transaction, or none. All are on one partition key.</summary>
    /// <exception cref="ProblemException">session-lost.</exception>
    public async Task<Routed<TransactionResult>> TransactAsync(IReadOnlyList<WriteOperation> operations, CancellationToken deadline)
    {
        if (!await IsKnownAsync(operations, deadline))
            return Routed<TransactionResult>.Failed(ShardFailure.Unavailable, default);
        return await dispatch.RunOneAsync(
            operations,
            operations[0].Key.Slot,
            writes: true,
            async (pool, all, cancellation) =>
            {
                if (all[0].Session is { } session)
                    await VisibleCheck.RequireAsync(pool, session, [all[0].Key.Slot], cancellation);
                return await pool.RunAsync("transact", writes: true, call => TransactAsync(call.Session, all), cancellation);
            },
            deadline);
    }

    private async Task<Routed<WriteResult>> CheckedAsync(WriteOperation operation, CancellationToken deadline) =>
        await IsKnownAsync([operation], deadline)
            ? await SendAsync(operation, deadline)
            : Routed<WriteResult>.Failed(ShardFailure.Unavailable, default);

    private Task<Routed<WriteResult>> SendAsync(WriteOperation operation, CancellationToken deadline) => dispatch.RunOneAsync(
        operation, operation.Key.Slot, writes: true,
        (pool, one, stop) => one.Session is null ? Queues.Of(pool).RunAsync(one, stop) : ShownAsync(pool, one, stop), deadline);

    private Task<bool> IsKnownAsync(IReadOnlyList<WriteOperation> operations, CancellationToken deadline) => operations[0].Session is { } session
        ? tokens.AreKnownAsync(session, operations.Select(each => each.Key.Slot), writes: true, deadline)
        : Task.FromResult(true);

    /// <summary>
    /// A write waits for an item that it finds locked. But it would not find an item that the primary does not show yet. So it first
    /// waits until the primary shows what the session has seen.
    /// </summary>
    private async Task<Fenced<WriteResult>> ShownAsync(ShardPool pool, WriteOperation operation, CancellationToken deadline)
    {
        await VisibleCheck.RequireAsync(pool, operation.Session!, [operation.Key.Slot], deadline);
        return await Queues.Of(pool).RunAsync(operation, deadline);
    }

    private static async Task<Fenced<WriteResult>[]> ShownAsync(
        ShardPool pool, IReadOnlyList<WriteOperation> operations, CancellationToken deadline)
    {
        if (operations[0].Session is { } session) // all are of one request
            await VisibleCheck.RequireAsync(pool, session, operations.Select(each => each.Key.Slot), deadline);
        return await WriteAsync(pool, operations, deadline);
    }

    private static async Task<Fenced<WriteResult>> WriteAloneAsync(ShardPool pool, WriteOperation operation, CancellationToken deadline) =>
        (await pool.RunUncountedAsync(writes: true, call => WriteAsync(call.Session, [operation]), deadline))[0];

    private static Task<Fenced<WriteResult>[]> WriteAsync(ShardPool pool, IReadOnlyList<WriteOperation> operations, CancellationToken deadline) =>
        pool.RunAsync("write", writes: true, call => WriteAsync(call.Session, operations), deadline);

    private static async Task<Fenced<WriteResult>[]> WriteAsync(ShardSession session, IReadOnlyList<WriteOperation> operations)
    {
        await using var statement = new SessionWriteStatement(session, atomic: false, MaxReturnedBytes);
        Fenced<WriteResult>[] answers;
        try
        {
            answers = await statement.ExecuteAsync(operations);
        }
        catch (PostgresException e) when (IndexRefusal.Is(e))
        {
            answers = await statement.ExecuteSeparatelyAsync(operations);
        }
        await LocateAsync(statement, operations);
        return answers;
    }

    /// <param name="session">The session.</param>
    /// <param name="operations">The transaction.</param>
    /// <param name="mostTries">What an index refused may be no more at fault when the culprit is looked for. Then it is tried again.</param>
    private static async Task<Fenced<TransactionResult>> TransactAsync(
        ShardSession session, IReadOnlyList<WriteOperation> operations)
    {
        await using var statement = new SessionWriteStatement(session, atomic: true, MaxReturnedBytes);
        Fenced<TransactionResult> answer;
        try
        {
            WriteResult[] results = [.. (await statement.ExecuteAsync(operations)).Select(each => each.Value!)];
            answer = Fenced<TransactionResult>.Answer(
                results[0] is { Succeeded: false } culprit
                    ? new TransactionResult([], 0, culprit)
                    : new TransactionResult(results, null, null));
        }
        catch (PostgresException e) when (e.SqlState == RefusedTransaction)
        {
            answer = WriteAnswers.Refusal(e.Detail!);
        }
        catch (PostgresException e) when (IndexRefusal.Is(e))
        {
            answer = await SeparateWrites.TransactAsync(session, operations, MaxReturnedBytes);
        }
        await LocateAsync(statement, operations);
        return answer;
    }

    /// <summary>
    /// The writes are done. If they are not located, their sessions read at the primary. So an error here does not count.
    /// </summary>
    private static async Task LocateAsync(SessionWriteStatement statement, IReadOnlyList<WriteOperation> operations)
    {
        if (!operations.Any(SessionWriteStatement.IsLocated))
            return;
        try
        {
            await statement.LocateAsync(operations);
        }
        catch (Exception e) when (e is NpgsqlException or IOException or TimeoutException or InvalidOperationException)
        {
            // The broken session is dropped when it is given back.
        }
    }

    public ValueTask DisposeAsync() => Queues.DisposeAsync();
}
