using System.Data;
using Npgsql;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>
/// Carries out writes one after the other, after an index refused one of them (<see cref="IndexRefusal"/>) and so their common statement.
/// </summary>
/// <remarks>
/// All are in one transaction: if the connection breaks, what is known of one is known of all. Slots are locked in the order of
/// <c>sharding.write_items</c>, and so are the items of a batch. Two writers may still wait for each other's unique values: Postgres rolls
/// one of them back, and it is repeated. A check of the ownership comes in a later statement than the
/// lock, as there.
/// </remarks>
internal static class SeparateWrites
{
    private const string Write = "write_"; // a savepoint

    private const string LockSql = """
        select pg_advisory_xact_lock_shared(1397246027, locks.slot)
        from (select distinct s::integer as slot from unnest($1) s order by slot) locks
        """;

    /// <summary>Applies each that can be applied.</summary>
    /// <param name="mostReturned">As of <see cref="WriteItemsStatement"/>.</param>
    public static async Task<Fenced<WriteResult>[]> ApplyAsync(
        ShardSession session, IReadOnlyList<WriteOperation> operations, long mostReturned)
    {
        var answers = new Fenced<WriteResult>[operations.Count];
        await using var statement = new WriteItemsStatement(session, atomic: false, mostReturned, mayFail: false);
        await using var transaction = await BeginAsync(session, operations);
        foreach (var i in InOrder(operations))
            answers[i] = await RunAsync(transaction, statement, operations[i]);
        await transaction.CommitAsync(CancellationToken.None);
        return answers;
    }

    /// <summary>Applies all of them, in the order of the caller, or none and tells which is at fault.</summary>
    /// <remarks>
    /// Where a value goes from one item to another, only some orders pass, and the caller has chosen one. So this may deadlock with another
    /// transaction on the partition. Postgres then rolls one of them back, and it is repeated.
    /// </remarks>
    /// <param name="mostReturned">As of <see cref="WriteItemsStatement"/>.</param>
    public static async Task<Fenced<TransactionResult>> TransactAsync(
        ShardSession session, IReadOnlyList<WriteOperation> operations, long mostReturned)
    {
        await using var statement = new WriteItemsStatement(session, atomic: false, mostReturned, mayFail: false);
        await using var transaction = await BeginAsync(session, operations); // without a commit it is rolled back
        var results = new WriteResult[operations.Count];
        for (var i = 0; i < results.Length; i++)
        {
            var answer = await RunAsync(transaction, statement, operations[i]);
            if (answer.Refusal is { } refusal)
                return Fenced<TransactionResult>.Refused(refusal);
            if (!answer.Value!.Succeeded)
                return Fenced<TransactionResult>.Answer(new TransactionResult([], i, answer.Value));
            results[i] = answer.Value;
        }
        await transaction.CommitAsync(CancellationToken.None);
        return Fenced<TransactionResult>.Answer(new TransactionResult(results, null, null));
    }

    private static async Task<NpgsqlTransaction> BeginAsync(ShardSession session, IReadOnlyList<WriteOperation> operations)
    {
        var transaction = await session.Connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, CancellationToken.None);
        await using var command = new NpgsqlCommand(LockSql, session.Connection)
        {
            Parameters = { new NpgsqlParameter<short[]> { TypedValue = [.. operations.Select(each => (short)each.Key.Slot.Value)] } },
        };
        await command.ExecuteNonQueryAsync(CancellationToken.None);
        return transaction;
    }

    private static async Task<Fenced<WriteResult>> RunAsync(NpgsqlTransaction transaction, WriteItemsStatement statement, WriteOperation operation)
    {
        await transaction.SaveAsync(Write, CancellationToken.None);
        var answer = (await statement.ExecuteAsync([operation]))[0];
        if (answer.Value is { Outcome: WriteOutcome.UniqueViolation or WriteOutcome.TooLargeForIndex })
            await transaction.RollbackAsync(Write, CancellationToken.None);
        return answer;
    }

    private static IEnumerable<int> InOrder(IReadOnlyList<WriteOperation> operations) => Enumerable.Range(0, operations.Count)
        .OrderBy(i => operations[i].Key.Collection, KeyOrder.Comparer)
        .ThenBy(i => operations[i].Key.Slot.Value)
        .ThenBy(i => operations[i].Key.PartitionKey, KeyOrder.Comparer)
        .ThenBy(i => operations[i].Key.Id, KeyOrder.Comparer);
}
