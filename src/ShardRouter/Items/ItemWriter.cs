using Npgsql;
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
        connection => new WriteItemsStatement(connection, atomic: false), WriteAloneAsync);

    public GatherQueues<WriteOperation, WriteResult> Queues { get; } = new(Kind, metrics);

    public Task<Routed<WriteResult>> WriteAsync(WriteOperation operation, CancellationToken deadline) =>
        dispatch.RunOneAsync(operation, operation.Key.Slot, writes: true, (pool, one, stop) => Queues.Of(pool).RunAsync(one, stop), deadline);

    /// <summary>Applies each operation for itself.</summary>
    /// <returns>One answer per operation, in their order.</returns>
    public Task<Routed<WriteResult>[]> WriteAsync(IReadOnlyList<WriteOperation> operations, CancellationToken deadline) =>
        dispatch.RunAsync(operations, operation => operation.Key.Slot, WriteAsync, deadline);

    /// <summary>Applies all operations, which are on one partition key, in one transaction, or none.</summary>
    public Task<Routed<TransactionResult>> TransactAsync(IReadOnlyList<WriteOperation> operations, CancellationToken deadline) => dispatch.RunOneAsync(
        operations,
        operations[0].Key.Slot,
        writes: true,
        (pool, all, cancellation) => pool.RunAsync("transact", writes: true, call => TransactAsync(call.Connection, all), cancellation),
        deadline);

    private static async Task<Fenced<WriteResult>> WriteAloneAsync(ShardPool pool, WriteOperation operation, CancellationToken deadline) =>
        (await pool.RunUncountedAsync(writes: true, call => WriteAsync(call.Connection, [operation]), deadline))[0];

    private static Task<Fenced<WriteResult>[]> WriteAsync(ShardPool pool, IReadOnlyList<WriteOperation> operations, CancellationToken deadline) =>
        pool.RunAsync("write", writes: true, call => WriteAsync(call.Connection, operations), deadline);

    private static async Task<Fenced<WriteResult>[]> WriteAsync(NpgsqlConnection connection, IReadOnlyList<WriteOperation> operations)
    {
        await using var statement = new WriteItemsStatement(connection, atomic: false);
        return await statement.ExecuteAsync(operations);
    }

    private static async Task<Fenced<TransactionResult>> TransactAsync(NpgsqlConnection connection, IReadOnlyList<WriteOperation> operations)
    {
        await using var statement = new WriteItemsStatement(connection, atomic: true);
        try
        {
            var answers = await statement.ExecuteAsync(operations);
            return Fenced<TransactionResult>.Answer(new TransactionResult([.. answers.Select(answer => answer.Value!)], null, null));
        }
        catch (PostgresException e) when (e.SqlState == RefusedTransaction)
        {
            return WriteAnswers.Refusal(e.Detail!);
        }
    }

    public ValueTask DisposeAsync() => Queues.DisposeAsync();
}
