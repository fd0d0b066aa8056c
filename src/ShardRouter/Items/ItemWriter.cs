using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>Writes items through the fenced function of their shard: one round trip for each shard.</summary>
internal sealed class ItemWriter(SlotDispatch dispatch)
{
    private const string RefusedTransaction = "SH003";

    private const string Sql =
        "select ord, outcome, version, updated_at, expires_at, doc, detail from sharding.write_items($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

    /// <summary>Applies each operation for itself.</summary>
    /// <returns>One answer per operation, in their order.</returns>
    public Task<Routed<WriteResult>[]> WriteAsync(IReadOnlyList<WriteOperation> operations, CancellationToken deadline) =>
        dispatch.RunAsync<WriteOperation, WriteResult>(
            operations,
            operation => operation.Key.Slot,
            (pool, some, cancellation) => pool.RunAsync("write", writes: true, (connection, stop) => WriteAsync(connection, some, stop), cancellation),
            deadline);

    /// <summary>Applies all operations, which are on one partition key, in one transaction, or none.</summary>
    public async Task<Routed<TransactionResult>> TransactAsync(IReadOnlyList<WriteOperation> operations, CancellationToken deadline)
    {
        var answers = await dispatch.RunAsync<IReadOnlyList<WriteOperation>, TransactionResult>(
            [operations],
            all => all[0].Key.Slot,
            (pool, all, cancellation) => pool.RunAsync("transact", writes: true, async (connection, stop) => new[] { await TransactAsync(connection, all[0], stop) }, cancellation),
            deadline);
        return answers[0];
    }

    private static async Task<Fenced<WriteResult>[]> WriteAsync(NpgsqlConnection connection, IReadOnlyList<WriteOperation> operations, CancellationToken cancellation)
    {
        await using var command = Command(connection, operations, atomic: false);
        var answers = new Fenced<WriteResult>[operations.Count];
        await using (var reader = await command.ExecuteReaderAsync(cancellation))
        {
            while (await reader.ReadAsync(cancellation))
                answers[reader.GetInt32(0) - 1] = AnswerAt(reader);
        }
        // Only here, with the reader closed and so ReadyForQuery seen, has the commit happened: rows may come before it.
        return answers;
    }

    private static async Task<Fenced<TransactionResult>> TransactAsync(NpgsqlConnection connection, IReadOnlyList<WriteOperation> operations, CancellationToken cancellation)
    {
        await using var command = Command(connection, operations, atomic: true);
        try
        {
            var results = new WriteResult[operations.Count];
            await using (var reader = await command.ExecuteReaderAsync(cancellation))
            {
                while (await reader.ReadAsync(cancellation))
                    results[reader.GetInt32(0) - 1] = AnswerAt(reader).Value!;
            }
            return Fenced<TransactionResult>.Answer(new TransactionResult(results, null, null));
        }
        catch (PostgresException e) when (e.SqlState == RefusedTransaction)
        {
            return Refusal(e.Detail!);
        }
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, IReadOnlyList<WriteOperation> operations, bool atomic) => new(Sql, connection)
    {
        Parameters =
        {
            new NpgsqlParameter<bool> { TypedValue = atomic },
            Column(operations, operation => Name(operation.Kind)),
            Column(operations, operation => (short)operation.Key.Slot.Value),
            Column(operations, operation => operation.Key.Collection),
            Column(operations, operation => operation.Key.PartitionKey),
            Column(operations, operation => operation.Key.Id),
            Column(operations, operation => operation.Doc, NpgsqlDbType.Jsonb),
            Column(operations, operation => Name(operation.Condition.Kind)),
            Column(operations, operation => operation.Condition.Versions),
            Column(operations, operation => operation.TtlSeconds, NpgsqlDbType.Integer),
            Column(operations, operation => operation.ReturnDoc),
        },
    };

    private static NpgsqlParameter<TValue[]> Column<TValue>(IReadOnlyList<WriteOperation> operations, Func<WriteOperation, TValue> value, NpgsqlDbType? element = null)
    {
        var column = new TValue[operations.Count];
        for (var i = 0; i < column.Length; i++)
            column[i] = value(operations[i]);
        var parameter = new NpgsqlParameter<TValue[]> { TypedValue = column };
        if (element is { } type)
            parameter.NpgsqlDbType = NpgsqlDbType.Array | type;
        return parameter;
    }

    private static Fenced<WriteResult> AnswerAt(NpgsqlDataReader reader)
    {
        var outcome = reader.GetString(1);
        var detail = reader.IsDBNull(6) ? null : reader.GetString(6);
        return outcome is "not_owned" or "moving"
            ? Fenced<WriteResult>.Refused(ParseRefusal(detail!))
            : Fenced<WriteResult>.Answer(new WriteResult(
                Outcome(outcome),
                reader.IsDBNull(2) ? null : reader.GetInt64(2),
                reader.IsDBNull(3) ? null : reader.GetDateTime(3),
                reader.IsDBNull(4) ? null : reader.GetDateTime(4),
                reader.IsDBNull(5) ? null : reader.GetFieldValue<byte[]>(5),
                detail));
    }

    /// <param name="detail">The first culprit's result row, as JSON.</param>
    private static Fenced<TransactionResult> Refusal(string detail)
    {
        using var row = JsonDocument.Parse(detail);
        var outcome = row.RootElement.GetProperty("outcome").GetString()!;
        var text = row.RootElement.GetProperty("detail").GetString();
        if (outcome is "not_owned" or "moving")
            return Fenced<TransactionResult>.Refused(ParseRefusal(text!));
        var version = row.RootElement.GetProperty("version");
        var culprit = new WriteResult(Outcome(outcome), version.ValueKind == JsonValueKind.Null ? null : version.GetInt64(), null, null, null, text);
        return Fenced<TransactionResult>.Answer(new TransactionResult([], row.RootElement.GetProperty("ord").GetInt32() - 1, culprit));
    }

    private static FenceRefusal ParseRefusal(string detail)
    {
        using var row = JsonDocument.Parse(detail);
        var epoch = row.RootElement.GetProperty("epoch");
        return new FenceRefusal(
            row.RootElement.GetProperty("state").GetString(), row.RootElement.GetProperty("peer").GetString(),
            epoch.ValueKind == JsonValueKind.Null ? null : epoch.GetInt64());
    }

    private static string Name(WriteKind kind) => kind switch
    {
        WriteKind.Put => "put",
        WriteKind.Delete => "delete",
        WriteKind.MergePatch => "merge_patch",
        WriteKind.JsonPatch => "json_patch",
        WriteKind.Increment => "increment",
        _ => "check",
    };

    private static string Name(WriteConditionKind kind) => kind switch
    {
        WriteConditionKind.None => "none",
        WriteConditionKind.Absent => "absent",
        WriteConditionKind.Present => "present",
        WriteConditionKind.Match => "match",
        _ => "no_match",
    };

    private static WriteOutcome Outcome(string name) => name switch
    {
        "created" => WriteOutcome.Created,
        "replaced" => WriteOutcome.Replaced,
        "deleted" => WriteOutcome.Deleted,
        "checked" => WriteOutcome.Checked,
        "missing" => WriteOutcome.Missing,
        "precondition_failed" => WriteOutcome.PreconditionFailed,
        "invalid_patch" => WriteOutcome.InvalidPatch,
        "no_collection" => WriteOutcome.NoCollection,
        _ => throw new InvalidOperationException($"write_items answered the unknown outcome '{name}'."),
    };
}
