using System.Data;
using System.Diagnostics;
using System.Globalization;
using Dapper;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Shards;

namespace ShardCore.Moves.Copying;

/// <summary>
/// The snapshot that a new replication slot exports, and when it may be read with.
/// </summary>
/// <remarks>
/// Postgres builds it from the WAL: a transaction is done as soon as its commit record is on disk. Whether a row's writer has
/// committed, however, readers look up in the commit log (clog), which the committing backend writes only when it is on the processor again: on a busy
/// machine milliseconds later. Who reads in between takes the transaction for a crashed one: he misses its rows, of which the
/// stream brings nothing as they were committed before it begins, and even marks them in the source's table as dead. Seen on a busy machine: a
/// row at the target in the version before its last. So nobody reads until every transaction that the snapshot calls done
/// has left the list of running ones, which is after it wrote the commit log.
/// </remarks>
internal static class ExportedSnapshot
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    // Running are those listed, and those from xmax on, which is behind the latest that has ended.
    private const string SettledSql = """
        select pg_snapshot_xmax(now_) >= pg_snapshot_xmax(@snapshot::pg_snapshot)
               and not exists (select from pg_snapshot_xip(now_) running where pg_visible_in_snapshot(running, @snapshot::pg_snapshot))
        from pg_current_snapshot() now_
        """;

    /// <exception cref="MoveFailedException">Not within the limit.</exception>
    public static async Task SettleAsync(ShardDatabase source, string snapshotName, TimeSpan limit, CancellationToken cancellation) =>
        await WaitForAsync(source, await ReadAsync(source, snapshotName, cancellation), limit, cancellation);

    /// <summary>Lets a transaction, REPEATABLE READ and without a statement so far, look at what the snapshot shows.</summary>
    /// <exception cref="StreamBrokenException">It is gone with its replication slot.</exception>
    public static async Task ImportAsync(NpgsqlConnection connection, string snapshotName, CancellationToken cancellation)
    {
        try
        {
            await connection.ExecuteAsync(new CommandDefinition($"set transaction snapshot '{snapshotName}'", cancellationToken: cancellation));
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidParameterValue)
        {
            throw new StreamBrokenException($"The replication slot is gone, and with it its snapshot: {e.MessageText}", e);
        }
    }

    /// <param name="snapshot">As Postgres writes it: xmin:xmax:running,….</param>
    internal static async Task WaitForAsync(ShardDatabase source, string snapshot, TimeSpan limit, CancellationToken cancellation)
    {
        snapshot = WithXmaxFromXmin(snapshot);
        await using var connection = await source.OpenAsync(cancellation);
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
        {
            if (await connection.ExecuteScalarAsync<bool>(new CommandDefinition(SettledSql, new { snapshot }, cancellationToken: cancellation)))
                return;
            if (clock.Elapsed > limit)
                throw new MoveFailedException($"Transactions at the source have written their commits and not ended within {limit}: is a synchronous standby missing?");
        }
    }

    /// <summary>
    /// Where nothing ran, decoding moves xmin on with every transaction that ended and xmax only with those that committed, so a snapshot
    /// after an abort can have xmin &gt; xmax. Readers ask for xmin first, so all below it is done; but as pg_snapshot Postgres does not take it back.
    /// </summary>
    private static string WithXmaxFromXmin(string snapshot) =>
        snapshot.Split(':') is [var xmin, var xmax, ""] && ulong.Parse(xmin, CultureInfo.InvariantCulture) > ulong.Parse(xmax, CultureInfo.InvariantCulture)
            ? $"{xmin}:{xmin}:"
            : snapshot;

    private static async Task<string> ReadAsync(ShardDatabase source, string snapshotName, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        await ImportAsync(connection, snapshotName, cancellation);
        return (await connection.ExecuteScalarAsync<string>(new CommandDefinition("select pg_current_snapshot()::text", transaction: transaction, cancellationToken: cancellation)))!;
    }
}
