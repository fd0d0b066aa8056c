using Dapper;
using Npgsql;
using ShardCore.Collections;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardCore.Shards.History;

namespace ShardAdmin.Backups;

/// <summary>The facts about a database that should be a restored shard. Reading them changes nothing.</summary>
/// <param name="Shard">The shard, with the address at which it was asked.</param>
/// <param name="Identity">Null: the database is not a shard.</param>
/// <param name="System">The server's system identifier.</param>
/// <param name="Reading">Its position in the WAL; null: it is still recovering, or it is a standby.</param>
/// <param name="Timelines">The timelines from which its own comes; null: not needed.</param>
/// <param name="Mark">Its row of the backup point; null: it has none.</param>
internal sealed record RestoredShard(
    Shard Shard, ShardIdentity? Identity, string System, ShardReading? Reading, TimelineHistory? Timelines, PointMark? Mark,
    IReadOnlyList<OwnershipRun> Runs, IReadOnlyList<JournalEntry> Batches, IReadOnlyList<CollectionDefinition> Collections)
{
    /// <summary>Whether it was restored to the point or beyond it.</summary>
    public bool HasPoint(BackupPointDocument point) => Mark?.PointId == point.Id;

    /// <summary>Whether it was restored exactly to the point: the LSN, which is written right after the point, is not there.</summary>
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

    /// <summary>False: the schema is older than backup points.</summary>
    private static Task<bool> HasPointsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        connection.ExecuteScalarAsync<bool>(
            new CommandDefinition("select to_regclass('sharding.backup_point') is not null", cancellationToken: cancellation));
}

/// <summary>A shard's own row of a backup point.</summary>
/// <param name="IsPassed">True: the commit right after the restore point is there too.</param>
internal sealed record PointMark(Guid PointId, bool IsPassed);
