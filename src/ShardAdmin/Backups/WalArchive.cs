using System.Diagnostics;
using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;

namespace ShardAdmin.Backups;

/// <summary>
/// Switches the WAL after the restore points, then waits a while until the archives have the files. Without the switch an archive would
/// get the file with the restore point only when the file is full.
/// </summary>
internal sealed class WalArchive(AdminSession session)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    // A name begins with its timeline, so a later one of another timeline says nothing of the file.
    private const string LookSql = """
        select current_setting('archive_mode') <> 'off' as IsOn,
               coalesce(
                   (select left(last_archived_wal, 24) >= @file and left(last_archived_wal, 8) = left(@file, 8)
                    from pg_stat_archiver where last_archived_wal ~ '^[0-9A-F]{24}'),
                   false) as HasIt,
               (select last_failed_wal || ', ' || last_failed_time::timestamptz(0) from pg_stat_archiver where last_failed_time > coalesce(
                   last_archived_time, '-infinity')) as Failure
        """;

    /// <param name="servers">For each shard the name of its server.</param>
    /// <returns>For each shard whether the archive has its restore point; null: the server archives nothing.</returns>
    public async Task<IReadOnlyDictionary<ShardId, bool?>> SwitchAsync(
        ShardRing ring,
        IReadOnlyDictionary<ShardId, string> servers, IReadOnlyDictionary<ShardId, RestorePoint> places, CancellationToken cancellation)
    {
        Shard[] one = [.. ring.Shards.DistinctBy(shard => servers[shard.Id], StringComparer.Ordinal)];
        var archived = await Reach.AllAsync(one, shard => SwitchAsync(shard, places[shard.Id].WalFile, cancellation));
        return ring.Shards.ToDictionary(shard => shard.Id, shard => archived[one.First(each => servers[each.Id] == servers[shard.Id]).Id]);
    }

    private async Task<bool?> SwitchAsync(Shard shard, string file, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition("select pg_switch_wal()", cancellationToken: cancellation));
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
        {
            var look = await connection.QuerySingleAsync<Look>(
                new CommandDefinition(LookSql, new { file }, cancellationToken: cancellation));
            if (!look.IsOn)
                return null;
            if (look.HasIt)
                return true;
            if (clock.Elapsed < Limit)
                continue;
            session.Output.Warn(
                $"The archive of shard {shard.Id} did not get the WAL file {file} within {Limit.TotalSeconds:0} "
                    + $"s{(look.Failure is null ? "" : $" (archiving failed last at {look.Failure})")}. "
                + "Before it has this file, a restore to this point is impossible: look into the server's log and at pg_stat_archiver.");
            return false;
        }
    }

    private sealed record Look(bool IsOn, bool HasIt, string? Failure);
}
