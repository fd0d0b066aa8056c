using Dapper;
using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Rebalancing;

/// <summary>All operations, from the journals and histories of all shards.</summary>
internal static class OperationSurvey
{
    private static readonly string Sql = $"""
        select move_id as Id, operation_id as OperationId, ordinal as Ordinal, target as Target, slots as Slots, phase as Phase, step as Step, wanted as Wanted,
               mover as Mover, exists ({OperationLockKey.HoldersSql("operation_id")}) as IsHeld, attempt as Attempt, rows_copied as Rows,
               bytes_copied as Bytes, bytes_planned as BytesPlanned, changes_applied as Changes, lag_ms as LagMs, pause_ms as PauseMs, problem as Problem,
               disputed as Disputed, settled as Settled, command as Command,
               coalesce(planned_by, started_by) as PlannedBy, started_by as StartedBy, created_at as StartedAt, seen_at as SeenAt,
               extract(epoch from clock_timestamp() - seen_at)::double precision as UnseenSeconds
        from sharding.move
        union all
        select move_id, operation_id, ordinal, target, slots, outcome, null, 'run', null, false, attempts, rows_copied,
               bytes_copied, bytes_copied, changes_applied, null, pause_ms, null, null, settled, command,
               coalesce(planned_by, started_by), started_by, started_at, ended_at, extract(epoch from clock_timestamp() - ended_at)::double precision
        from sharding.move_history
        """;

    /// <returns>Unfinished ones first, then the newest first.</returns>
    public static async Task<IReadOnlyList<OperationLine>> ReadAsync(AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var rows = await Reach.AllAsync(shards, shard => AskAsync(session, shard, cancellation));
        return [.. rows.SelectMany(shard => shard.Value.Select(row => row.ToLine(shard.Key)))
            .GroupBy(line => line.Operation).Select(same => OperationLine.Of(same.Key, [.. same]))
            .OrderBy(operation => operation.IsOver).ThenByDescending(operation => operation.StartedAt)];
    }

    /// <returns>Null: no shard knows of it.</returns>
    public static async Task<OperationLine?> FindAsync(AdminSession session, IReadOnlyCollection<Shard> shards, Guid id, CancellationToken cancellation) =>
        (await ReadAsync(session, shards, cancellation)).FirstOrDefault(each => each.Id == id);

    private static async Task<IReadOnlyList<Row>> AskAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        try
        {
            return [.. await connection.QueryAsync<Row>(new CommandDefinition(Sql, cancellationToken: cancellation))];
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            return []; // an older schema cannot have moves
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedColumn)
        {
            throw new CommandFailedException(ExitCode.Precondition, $"The schema of shard {shard.Id} is older than this program.", "shardadmin migrate");
        }
    }

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
            OperationId, Id, Ordinal, source.Value, Target, SlotText.OfNumbers(Slots.Select(slot => (int)slot).Order(), int.MaxValue), Slots.Length, Phase, Step, Wanted, Mover, IsHeld,
            Attempt, Rows, Bytes, BytesPlanned, Changes, LagMs, PauseMs, Problem, Disputed, Settled, Command, PlannedBy, StartedBy, StartedAt, SeenAt, Math.Round(Math.Max(0, UnseenSeconds), 1));
    }
}
