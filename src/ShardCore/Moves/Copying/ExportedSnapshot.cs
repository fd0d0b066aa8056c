using System.Data;
using System.Diagnostics;
using System.Globalization;
using Dapper;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Shards;

namespace ShardCore.Moves.Copying;

/// <summary>
/// The snapshot that a new replication slot exports. This class waits until the snapshot may be read with.
/// </summary>
/// <remarks>
/// Postgres builds this snapshot from the WAL: there a transaction is done as soon as its commit record is on disk. But readers look into
/// the commit log (clog) to see whether a row's writer has committed. The committing backend writes the commit log only when it is on the
/// processor again, on a busy machine milliseconds later. A reader in between takes the transaction for a crashed one. It misses the rows
/// of that transaction. The stream does not bring them, because the transaction committed before the stream begins. The reader even marks
/// the rows as dead in the source's table. This was seen on a busy machine: the target had a row in the version before its last.
/// So nobody may read until every transaction that the snapshot calls done has left the list of running transactions. A transaction leaves
/// that list only after it has written the commit log.
/// </remarks>
internal static class ExportedSnapshot
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    // Running are the listed transactions, and those from xmax on. xmax is behind the latest transaction that has ended.
    private const string SettledSql = """
        select pg_snapshot_xmax(now_) >= pg_snapshot_xmax(@snapshot::pg_snapshot)
               and not exists (select from pg_snapshot_xip(now_) running where pg_visible_in_snapshot(running, @snapshot::pg_snapshot))
        from pg_current_snapshot() now_
        """;

    /// <summary>Waits until the snapshot may be read with.</summary>
    /// <exception cref="MoveFailedException">The transactions did not end within the limit.</exception>
    public static async Task SettleAsync(ShardDatabase source, string snapshotName, TimeSpan limit, CancellationToken cancellation) =>
        await WaitForAsync(source, await ReadAsync(source, snapshotName, cancellation), limit, cancellation);

    /// <summary>Makes a transaction use the snapshot. It must be REPEATABLE READ, and must not have run a statement yet.</summary>
    /// <exception cref="StreamBrokenException">The snapshot is gone with its replication slot.</exception>
    public static async Task ImportAsync(NpgsqlConnection connection, string snapshotName, CancellationToken cancellation)
    {
        try
        {
            await connection.ExecuteAsync(
                new CommandDefinition($"set transaction snapshot '{snapshotName}'", cancellationToken: cancellation));
        }
        // Postgres 18 calls a snapshot that is gone an undefined object, and earlier versions an invalid parameter.
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedObject or PostgresErrorCodes.InvalidParameterValue)
        {
            throw new StreamBrokenException($"The replication slot is gone, and with it its snapshot: {e.MessageText}", e);
        }
    }

    /// <param name="snapshot">In the form that Postgres writes: xmin:xmax:running,….</param>
    internal static async Task WaitForAsync(ShardDatabase source, string snapshot, TimeSpan limit, CancellationToken cancellation)
    {
        snapshot = WithXmaxFromXmin(snapshot);
        await using var connection = await source.OpenAsync(cancellation);
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
        {
            if (await connection.ExecuteScalarAsync<bool>(
                new CommandDefinition(SettledSql, new { snapshot }, cancellationToken: cancellation)))
                return;
            if (clock.Elapsed > limit)
                throw new MoveFailedException(
                    $"Transactions at the source have written their commits and not ended within {limit}: "
                        + "is a synchronous standby missing?");
        }
    }

    /// <summary>
    /// If no transaction runs, decoding raises xmin with every transaction that ended, but xmax only with those that committed. So after
    /// an abort a snapshot can have xmin &gt; xmax. Readers compare with xmin first, so every transaction below it is done. But Postgres
    /// does not accept such a text as a pg_snapshot, so xmax is set to xmin here.
    /// </summary>
    private static string WithXmaxFromXmin(string snapshot) =>
        snapshot.Split(':') is [var xmin, var xmax, ""]
            && ulong.Parse(xmin, CultureInfo.InvariantCulture) > ulong.Parse(xmax, CultureInfo.InvariantCulture)
            ? $"{xmin}:{xmin}:"
            : snapshot;

    private static async Task<string> ReadAsync(ShardDatabase source, string snapshotName, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        await ImportAsync(connection, snapshotName, cancellation);
        return (await connection.ExecuteScalarAsync<string>(new CommandDefinition(
            "select pg_current_snapshot()::text", transaction: transaction, cancellationToken: cancellation)))!;
    }
}
