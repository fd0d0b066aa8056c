using Npgsql;
using ShardRouter.Consistency;
using ShardRouter.Gathering;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Items;

/// <summary>
/// Writes items through the fenced function of their shard. Single writes are gathered; several that came together go
/// as one statement a shard, a transaction as one of its own.
/// </summary>
internal sealed class ItemWriter(SlotDispatch dispatch, RouterMetrics metrics) : IAsyncDisposable
{
    private const string RefusedTransaction = "SH003";
    private const int Workers = 2;

    private static readonly GatherKind<WriteOperation, WriteResult> Kind = new(
        "write", Writes: true, Workers, KeepsOrder: true, operation => operation.Key, operation => operation.Doc?.Length ?? 0, result => result.Doc?.Length ?? 0, _ => false,
        session => new SessionWriteStatement(session, atomic: false), WriteAloneAsync)
    {
        IsLocated = SessionWriteStatement.IsLocated,
    };

    public GatherQueues<WriteOperation, WriteResult> Queues { get; } = new(Kind, metrics);

    public Task<Routed<WriteResult>> WriteAsync(WriteOperation operation, CancellationToken deadline) =>
        dispatch.RunOneAsync(operation, operation.Key.Slot, writes: true, (pool, one, stop) => one.Session is null ? Queues.Of(pool).RunAsync(one, stop) : ShownAsync(pool, one, stop), deadline);

    /// <summary>Applies each operation for itself.</summary>
    /// <returns>One answer per operation, in their order.</returns>
    public Task<Routed<WriteResult>[]> WriteAsync(IReadOnlyList<WriteOperation> operations, CancellationToken deadline) =>
        dispatch.RunAsync(operations, operation => operation.Key.Slot, ShownAsync, deadline);

    /// <summary>Applies all operations, which are on one partition key, in one transaction, or none.</summary>
    public Task<Routed<TransactionResult>> TransactAsync(IReadOnlyList<WriteOperation> operations, CancellationToken deadline) => dispatch.RunOneAsync(
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

    /// <summary>A write waits for an item that it finds locked. One that the primary does not show yet it would not find.</summary>
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
        await using var statement = new SessionWriteStatement(session, atomic: false);
        var answers = await statement.ExecuteAsync(operations);
        await LocateAsync(statement, operations);
        return answers;
    }

    private static async Task<Fenced<TransactionResult>> TransactAsync(ShardSession session, IReadOnlyList<WriteOperation> operations)
    {
        await using var statement = new SessionWriteStatement(session, atomic: true);
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
        await LocateAsync(statement, operations);
        return answer;
    }

    /// <summary>The writes are done. If they are not located their sessions read at the primary, so nothing that goes wrong here counts.</summary>
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
            // The session is given back broken, and dropped there.
        }
    }

    public ValueTask DisposeAsync() => Queues.DisposeAsync();
}
