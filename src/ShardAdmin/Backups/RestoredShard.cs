using Dapper;
using Npgsql;
using ShardCore.Collections;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardCore.Shards.History;

namespace ShardAdmin.Backups;

/// <summary>What a database says that is to be a shard of a backup point. Only looks.</summary>
/// <param name="Shard">With the address at which it was asked.</param>
/// <param name="Identity">Null: it is no shard.</param>
/// <param name="System">The server's system identifier.</param>
/// <param name="Reading">Its place in its log; null: it is still recovering, or a standby.</param>
/// <param name="Timelines">From which timelines its own comes; null: not needed.</param>
/// <param name="Mark">Its row of the backup point; null: it has none.</param>
internal sealed record RestoredShard(
    Shard Shard, ShardIdentity? Identity, string System, ShardReading? Reading, TimelineHistory? Timelines, PointMark? Mark,
    IReadOnlyList<OwnershipRun> Runs, IReadOnlyList<JournalEntry> Batches, IReadOnlyList<CollectionDefinition> Collections)
{
    /// <summary>It has the point, and whether it has anything behind it is another question.</summary>
    public bool HasPoint(BackupPointDocument point) => Mark?.PointId == point.Id;

    /// <summary>It was restored exactly to the point: not even the note behind it is there.</summary>
    public bool IsAtPoint => Mark is { IsPassed: false };

    /// <param name="known">The same shard in the document.</param>
    public static async Task<RestoredShard> ReadAsync(
        ShardDatabase source, Shard shard, BackupPointDocument point, BackupShard known, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        var system = await connection.ExecuteScalarAsync<string>(
            new CommandDefinition("select system_identifier::text from pg_control_system()", cancellationToken: cancellation));
        var reading = await ShardReading.ReadAsync(source, cancellation);
        var timelines = reading is not null && HistoryJudgement.NeedsTimelines(known.Position, reading.Now)
            ? await TimelineHistory.ReadAsync(source, reading.Now.Timeline, known.Timeline, cancellation)
            : null;
        var identity = await ShardOwnershipStore.ReadIdentityAsync(source, cancellation);
        if (identity is null || !await HasPointsAsync(connection, cancellation))
            return new RestoredShard(shard, identity, system!, reading, timelines, null, [], [], []);
        var mark = await connection.QuerySingleOrDefaultAsync<PointMark>(new CommandDefinition(
            "select point_id as PointId, lsn is not null as IsPassed from sharding.backup_point where name = @Name", new { point.Name },
            cancellationToken: cancellation));
        return new RestoredShard(
            shard, identity, system!, reading, timelines, mark, await ShardOwnershipStore.ReadRunsAsync(connection, cancellation),
            await new MoveJournal(source).EntriesAsync(cancellation), await CollectionStore.ListAsync(connection, cancellation));
    }

    /// <summary>A schema of before backup points has none.</summary>
    private static Task<bool> HasPointsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        connection.ExecuteScalarAsync<bool>(
            new CommandDefinition("select to_regclass('sharding.backup_point') is not null", cancellationToken: cancellation));
}

/// <summary>A shard's own row of a backup point.</summary>
/// <param name="IsPassed">What was committed right behind the restore point is there too.</param>
internal sealed record PointMark(Guid PointId, bool IsPassed);
