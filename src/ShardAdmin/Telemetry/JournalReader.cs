using Dapper;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Telemetry;

/// <summary>Reads the journal and the history of one shard, again and again.</summary>
internal sealed class JournalReader(Func<Shard, ShardDatabase> sources)
{
    private const string UnfinishedSql = """
        select operation_id as OperationId, target as Target, phase as Phase, step as Step, wanted as Wanted, rows_copied as Rows,
               bytes_copied as Bytes, bytes_planned as BytesPlanned, changes_applied as Changes, lag_ms as LagMs,
               greatest(0, extract(epoch from clock_timestamp() - seen_at))::double precision as UnseenSeconds
        from sharding.move
        """;

    private const string ChangeSql = "select count(*)::text || '/' || coalesce(max(entry), 0)::text from sharding.move_history";

    private const string IdsSql = "select move_id from sharding.move_history";

    private const string LinesSql = """
        select move_id as Id, target as Target, outcome as Outcome, cardinality(slots) as Slots, rows_copied as Rows, bytes_copied as Bytes,
               changes_applied as Changes, pause_ms as PauseMs
        from sharding.move_history
        where move_id = any(@fresh)
        """;

    private readonly FinishedBatches _finished = new();

    /// <param name="shard">The same shard at each call; its address may have changed.</param>
    /// <returns>
    /// The unfinished batches, and the batches that have ended since the last call (at the first call: all that ever ended).
    /// </returns>
    public async Task<(IReadOnlyList<UnfinishedBatch> Unfinished, IReadOnlyList<FinishedBatch> Ended)> ReadAsync(
        Shard shard, CancellationToken cancellation)
    {
        var (unfinished, history) = await AskAsync(shard, cancellation);
        if (history is null)
            return (unfinished, []);
        _finished.Take(history.Ids, history.Change); // after all calls that can fail: each row that is taken is also returned
        return (unfinished, history.Fresh);
    }

    /// <returns>The history is null if it has no new rows.</returns>
    private async Task<(IReadOnlyList<UnfinishedBatch> Unfinished, History? History)> AskAsync(
        Shard shard, CancellationToken cancellation)
    {
        await using var connection = await sources(shard).OpenAsync(cancellation);
        try
        {
            UnfinishedBatch[] unfinished = [.. await connection.QueryAsync<UnfinishedBatch>(
                new CommandDefinition(UnfinishedSql, cancellationToken: cancellation))];
            var change = await connection.ExecuteScalarAsync<string>(new CommandDefinition(ChangeSql, cancellationToken: cancellation));
            if (!_finished.MayHaveNew(change!))
                return (unfinished, null);
            Guid[] ids = [.. await connection.QueryAsync<Guid>(new CommandDefinition(IdsSql, cancellationToken: cancellation))];
            var lines = await connection.QueryAsync<FinishedBatch>(
                new CommandDefinition(LinesSql, new { fresh = _finished.NotCounted(ids) }, cancellationToken: cancellation));
            return (unfinished, new History(ids, [.. lines], change!));
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            return ([], null); // an older schema has no moves
        }
    }

    /// <param name="Ids">The ids of all rows.</param>
    /// <param name="Fresh">The rows that are not counted yet.</param>
    /// <param name="Change">The number of rows and the last entry.</param>
    private sealed record History(IReadOnlyList<Guid> Ids, IReadOnlyList<FinishedBatch> Fresh, string Change);
}
