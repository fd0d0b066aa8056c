using Dapper;
using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>One batch of an operation, from its source's journal, or from the history once it is done.</summary>
/// <param name="Phase">planned · copying · frozen · released · owned · published · verified · done</param>
/// <param name="PauseMs">How long writes to its slots were held; null before the release.</param>
internal sealed record BatchLine(
    Guid Id, int? Ordinal, string Source, string Target, string Slots, int SlotCount, string Phase, int Attempt, long Bytes, long Changes, double? PauseMs,
    string? Problem, DateTime StartedAt, DateTime SeenAt);

/// <summary>The batches that were planned together.</summary>
internal sealed record OperationLine(
    Guid Id, string State, int Slots, int SlotsDone, int Batches, int BatchesDone, long Bytes, long Changes, double? MaxPauseMs, string StartedBy, DateTime StartedAt,
    IReadOnlyList<BatchLine> BatchList);

/// <summary>All operations, from the journals and histories of all shards.</summary>
internal static class OperationSurvey
{
    private const string Sql = """
        select move_id as Id, operation_id as OperationId, ordinal as Ordinal, target as Target, slots as Slots, phase as Phase, attempt as Attempt, bytes_copied as Bytes,
               changes_applied as Changes, pause_ms as PauseMs, problem as Problem, started_by as StartedBy, created_at as StartedAt, seen_at as SeenAt
        from sharding.move
        union all
        select move_id, operation_id, null, target, slots, 'done', attempts, bytes_copied, changes_applied, pause_ms, null, started_by, started_at, ended_at
        from sharding.move_history
        """;

    /// <returns>Unfinished ones first, then the newest first.</returns>
    public static async Task<IReadOnlyList<OperationLine>> ReadAsync(AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var rows = await Reach.AllAsync(shards, shard => AskAsync(session.Source(shard), cancellation));
        return [.. rows.SelectMany(shard => shard.Value.Select(row => (Source: shard.Key, Row: row)))
            .GroupBy(each => each.Row.OperationId).Select(same => LineOf(same.Key, [.. same]))
            .OrderBy(operation => operation.State == "done").ThenByDescending(operation => operation.StartedAt)];
    }

    private static OperationLine LineOf(Guid id, IReadOnlyList<(ShardId Source, Row Row)> batches)
    {
        BatchLine[] lines = [.. batches.Select(each => each.Row.ToLine(each.Source)).OrderBy(line => line.Ordinal ?? -1).ThenBy(line => line.StartedAt)];
        var done = lines.Where(line => line.Phase == "done").ToArray();
        return new OperationLine(
            id, done.Length == lines.Length ? "done" : "unfinished", lines.Sum(line => line.SlotCount), done.Sum(line => line.SlotCount), lines.Length, done.Length,
            lines.Sum(line => line.Bytes), lines.Sum(line => line.Changes), lines.Max(line => line.PauseMs), batches[0].Row.StartedBy, lines.Min(line => line.StartedAt), lines);
    }

    private static async Task<IReadOnlyList<Row>> AskAsync(NpgsqlDataSource source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation);
        try
        {
            return [.. await connection.QueryAsync<Row>(new CommandDefinition(Sql, cancellationToken: cancellation))];
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            return []; // an older schema cannot have moves
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
        public int Attempt { get; init; }
        public long Bytes { get; init; }
        public long Changes { get; init; }
        public double? PauseMs { get; init; }
        public string? Problem { get; init; }
        public string StartedBy { get; init; } = "";
        public DateTime StartedAt { get; init; }
        public DateTime SeenAt { get; init; }

        public BatchLine ToLine(ShardId source) => new(
            Id, Ordinal, source.Value, Target, SlotText.OfNumbers(Slots.Select(slot => (int)slot).Order(), int.MaxValue), Slots.Length, Phase, Attempt, Bytes, Changes, PauseMs, Problem, StartedAt, SeenAt);
    }
}
