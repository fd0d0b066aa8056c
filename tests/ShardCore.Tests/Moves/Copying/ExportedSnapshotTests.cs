using Npgsql;
using ShardCore.Moves.Copying;
using ShardCore.Moves.Failures;
using TestCluster;

namespace ShardCore.Tests.Moves.Copying;

public sealed class ExportedSnapshotTests(SharedPostgres postgres)
{
    [Fact]
    public async Task A_snapshot_is_not_read_with_while_a_transaction_that_it_calls_done_still_runs()
    {
        await using var database = await postgres.CreateShardAsync();
        await using var connection = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var writer = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("select pg_current_xact_id()::text::bigint", connection, writer);
        var xid = (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        var done = FormattableString.Invariant($"{xid + 1}:{xid + 1}:");
        var running = FormattableString.Invariant($"{xid}:{xid}:"); // from xid on everything runs

        await ExportedSnapshot.WaitForAsync(database.DataSource, running, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<MoveFailedException>(() =>
            ExportedSnapshot.WaitForAsync(database.DataSource, done, TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken));
        await writer.CommitAsync(TestContext.Current.CancellationToken);
        await ExportedSnapshot.WaitForAsync(database.DataSource, done, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    /// <summary>As a replication slot exported it after an abort: "19947:19945:".</summary>
    [Fact]
    public async Task A_snapshot_whose_xmin_is_above_its_xmax_waits_for_all_below_xmin()
    {
        await using var database = await postgres.CreateShardAsync();
        await using var connection = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var writer = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("select pg_current_xact_id()::text::bigint", connection, writer);
        var xid = (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        var inverted = FormattableString.Invariant($"{xid + 1}:{xid - 1}:");

        await Assert.ThrowsAsync<MoveFailedException>(() =>
            ExportedSnapshot.WaitForAsync(database.DataSource, inverted, TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken));
        await writer.RollbackAsync(TestContext.Current.CancellationToken);
        await ExportedSnapshot.WaitForAsync(database.DataSource, inverted, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }
}
