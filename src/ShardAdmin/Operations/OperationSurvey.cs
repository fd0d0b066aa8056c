using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Operations;

/// <summary>Collects operations from the journals and histories of all shards.</summary>
internal static class OperationSurvey
{
    /// <summary>Nobody reads a longer table, and a shard's history has up to 20,000 batches.</summary>
    public const int DefaultLimit = 50;

    public const int MaxLimit = 1000;

    private static readonly string LinesSql = $"""
        select move_id as Id, operation_id as OperationId, ordinal as Ordinal, target as Target, slots as Slots, phase as Phase,
               step as Step, wanted as Wanted, mover as Mover, exists ({OperationLockKey.HoldersSql("operation_id")}) as IsHeld, attempt as Attempt, rows_copied as Rows,
               bytes_copied as Bytes, bytes_planned as BytesPlanned, changes_applied as Changes, lag_ms as LagMs, pause_ms as PauseMs,
               problem as Problem, disputed as Disputed, settled as Settled, command as Command,
               coalesce(planned_by, started_by) as PlannedBy, started_by as StartedBy, created_at as StartedAt, seen_at as SeenAt,
               extract(epoch from clock_timestamp() - seen_at)::double precision as UnseenSeconds
        from sharding.move
        where operation_id = any(@operations)
        union all
        select move_id, operation_id, ordinal, target, slots, outcome, null, 'run', null, false, attempts, rows_copied,
               bytes_copied, bytes_copied, changes_applied, null, pause_ms, null, null, settled, command,
               coalesce(planned_by, started_by), started_by, started_at, ended_at,
               extract(epoch from clock_timestamp() - ended_at)::double precision
        from sharding.move_history
        where operation_id = any(@operations)
        """;

    private const string IdsSql = "select operation_id from sharding.move union select operation_id from sharding.move_history";

    private const string UnfinishedSql = "select distinct operation_id from sharding.move";

    private const string NewestSql = """
        select operation_id as Id, min(started_at) as StartedAt
        from sharding.move_history
        group by operation_id
        order by min(started_at) desc
        limit @limit
        """;

    /// <param name="limit">How many operations that are over are returned.</param>
    /// <returns>First all unfinished operations, then those that are over, the newest first.</returns>
    public static async Task<OperationPage> ReadAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, int limit, CancellationToken cancellation)
    {
        // First the ids of all shards, then all lines of these ids. An operation has batches in several shards: in one shard alone it may
        // be beyond the limit.
        var unfinished = await AskAllAsync<Guid>(session, shards, UnfinishedSql, null, cancellation);
        var newest = await AskAllAsync<Ended>(session, shards, NewestSql, new { limit = unfinished.Count + limit + 1 }, cancellation);
        var known = newest.Select(each => each.Value).GroupBy(each => each.Id)
            .OrderByDescending(same => same.Min(each => each.StartedAt)).Select(same => same.Key)
            .Except(unfinished.Select(each => each.Value)).ToArray();
        var operations = await LinesAsync(
            session, shards, [.. unfinished.Select(each => each.Value).Concat(known.Take(limit)).Distinct()], cancellation);
        return new OperationPage(
            [.. operations.OrderBy(operation => operation.IsOver).ThenByDescending(operation => operation.StartedAt)],
            HasOlder: known.Length > limit);
    }

    /// <returns>All that a shard knows of.</returns>
    public static async Task<IReadOnlyCollection<Guid>> IdsAsync(AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation) =>
        [.. (await AskAllAsync<Guid>(session, shards, IdsSql, null, cancellation)).Select(each => each.Value).Distinct()];

    /// <returns>Null: no shard knows of it.</returns>
    public static async Task<OperationLine?> FindAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, Guid id, CancellationToken cancellation) =>
        (await LinesAsync(session, shards, [id], cancellation)).FirstOrDefault();

    private static async Task<IEnumerable<OperationLine>> LinesAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, Guid[] operations, CancellationToken cancellation) =>
        (await AskAllAsync<Row>(session, shards, LinesSql, new { operations }, cancellation)).Select(row => row.Value.ToLine(row.Shard))
            .GroupBy(line => line.Operation).Select(same => OperationLine.Of(same.Key, [.. same]));

    private static async Task<IReadOnlyList<(ShardId Shard, T Value)>> AskAllAsync<T>(
        AdminSession session, IReadOnlyCollection<Shard> shards, string sql, object? parameters, CancellationToken cancellation)
    {
        var answers = await Reach.AllAsync(shards, shard => AskAsync<T>(session, shard, sql, parameters, cancellation));
        return [.. answers.SelectMany(answer => answer.Value.Select(value => (answer.Key, value)))];
    }

    private static async Task<IReadOnlyList<T>> AskAsync<T>(
        AdminSession session, Shard shard, string sql, object? parameters, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        try
        {
            return [.. await connection.QueryAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: cancellation))];
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            return []; // an older schema has no moves
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedColumn)
        {
            throw new CommandFailedException(
                ExitCode.Precondition, $"The schema of shard {shard.Id} is older than this program.", "shardadmin migrate");
        }
    }

    private sealed record Ended(Guid Id, DateTime StartedAt);

    private sealed class Row
    {
        public Guid Id { get; init; }
        public Guid OperationId { get; init; }
        public int? Ordinal { get; init; }
        public string Target { get; init; } = "";
        public short[] Slots { get; init; } = [];
        public string Phase { get; init; } = "";
        public string? Step { get; init; }
        public string Wanted { get; init; } = "";
        public string? Mover { get; init; }
        public bool IsHeld { get; init; }
        public int Attempt { get; init; }
        public long Rows { get; init; }
        public long Bytes { get; init; }
        public long BytesPlanned { get; init; }
        public long Changes { get; init; }
        public double? LagMs { get; init; }
        public double? PauseMs { get; init; }
        public string? Problem { get; init; }
        public string? Disputed { get; init; }
        public string? Settled { get; init; }
        public string? Command { get; init; }
        public string PlannedBy { get; init; } = "";
        public string StartedBy { get; init; } = "";
        public DateTime StartedAt { get; init; }
        public DateTime SeenAt { get; init; }
        public double UnseenSeconds { get; init; }

        public BatchLine ToLine(ShardId source) => new(
            OperationId, Id, Ordinal, source.Value, Target, SlotText.OfNumbers(Slots.Select(slot => (int)slot).Order(), int.MaxValue),
            Slots.Length, Phase, Step, Wanted, Mover, IsHeld, Attempt, Rows, Bytes, BytesPlanned, Changes, LagMs, PauseMs, Problem,
            Disputed, Settled, Command, PlannedBy, StartedBy, StartedAt, SeenAt, Math.Round(Math.Max(0, UnseenSeconds), 1));
    }
}

/// <param name="HasOlder">True: there are more operations that are over, and this page does not have them.</param>
internal sealed record OperationPage(IReadOnlyList<OperationLine> Operations, bool HasOlder);
