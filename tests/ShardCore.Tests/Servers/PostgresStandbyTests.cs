using NpgsqlTypes;
using TestCluster;

namespace ShardCore.Tests.Servers;

/// <summary>Standbys, and the ways in which a shard's server comes back without its last commits.</summary>
public sealed class PostgresStandbyTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_commit_waits_for_the_synchronous_standby_until_that_receives_again()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var database = await server.CreateDatabaseAsync();
        await database.ExecuteAsync("create table event (what text)");
        await using var standby = await server.StartStandbyAsync("b");

        await standby.MakeSynchronousAsync();
        await database.ExecuteAsync("insert into event values ('flushed by both')");
        await standby.StopReceivingAsync();
        var insert = database.ExecuteAsync("insert into event values ('held')");
        await WaitsForTheStandbyAsync(server);
        Assert.False(insert.IsCompleted);
        standby.GoOnReceiving();
        await insert;

        await standby.StopReceivingAsync();
        insert = database.ExecuteAsync("insert into event values ('let go')");
        await WaitsForTheStandbyAsync(server);
        await standby.MakeAsynchronousAsync();
        await insert;
    }

    [Fact]
    public async Task A_standby_that_stopped_receiving_lags_while_it_is_listed_and_catches_up_when_it_goes_on()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var database = await server.CreateDatabaseAsync();
        await database.ExecuteAsync("create table event (what text)");
        await using var standby = await server.StartStandbyAsync("b");
        await standby.CaughtUpAsync();

        await standby.StopReceivingAsync();
        await database.ExecuteAsync("insert into event values ('not received')");
        var committed = await server.ScalarAsync<NpgsqlLogSequenceNumber>("select pg_current_wal_flush_lsn()");

        Assert.True(await standby.Server.ScalarAsync<NpgsqlLogSequenceNumber>("select pg_last_wal_receive_lsn()") < committed);
        Assert.Equal("b streaming async", await server.ScalarAsync<string>(
            $"select concat_ws(' ', application_name, state, sync_state) from pg_stat_replication where coalesce(flush_lsn < '{committed}', true)"));
        Assert.Equal("b physical", await server.ScalarAsync<string>("select concat_ws(' ', slot_name, slot_type) from pg_replication_slots where active"));

        standby.GoOnReceiving();
        await standby.FlushedAsync(committed);
        Assert.True(await standby.Server.ScalarAsync<bool>("select pg_is_in_recovery()"));
    }

    [Fact]
    public async Task A_promoted_standby_lacks_what_was_committed_after_it_was_stopped()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var database = await server.CreateDatabaseAsync();
        var port = server.Port;
        await database.ExecuteAsync("create table event (what text)");
        await using var standby = await server.StartStandbyAsync("b");
        await database.ExecuteAsync("insert into event values ('received')");
        await standby.CaughtUpAsync();
        await standby.StopReceivingAsync();
        await database.ExecuteAsync("insert into event values ('sent, and not taken from the socket')");

        await standby.PromoteInPlaceAsync();

        Assert.Equal("received", await EventsAsync(database));
        Assert.Equal(2, await TimelineAsync(server));
        Assert.Equal(port, server.Port);

        // Once more: the promoted one has a standby of its own, which was down for the last commits.
        await using var next = await server.StartStandbyAsync("c");
        await next.CaughtUpAsync();
        await next.Server.StopAsync(PostgresShutdown.Fast);
        await database.ExecuteAsync("insert into event values ('lost again')");
        await next.PromoteInPlaceAsync();

        Assert.Equal("received", await EventsAsync(database));
        Assert.Equal(3, await TimelineAsync(server));
    }

    [Fact]
    public async Task A_promoted_synchronous_standby_has_all_that_was_acknowledged_and_waits_for_nobody()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var database = await server.CreateDatabaseAsync();
        await database.ExecuteAsync("create table event (what text)");
        await using (var first = await server.StartStandbyAsync("b"))
        {
            await first.MakeSynchronousAsync();
            // Its copy of the settings names "b", which does not follow it.
            await using var second = await server.StartStandbyAsync("c");
            await second.MakeSynchronousAsync();
            await database.ExecuteAsync("insert into event values ('acknowledged')");
            await second.PromoteInPlaceAsync();
        }

        database.DataSource.Clear(); // connections to the old primary
        await database.ExecuteAsync("insert into event values ('on the new primary')").WaitAsync(Limit);
        Assert.Equal("acknowledged, on the new primary", await EventsAsync(database));
        await server.RestartAsync(PostgresShutdown.Fast);
        Assert.Equal("acknowledged, on the new primary", await EventsAsync(database));
    }

    [Fact]
    public async Task A_standby_that_was_stopped_catches_up_after_its_start()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var standby = await server.StartStandbyAsync("b");
        await standby.Server.StopAsync(PostgresShutdown.Fast);
        await server.ExecuteAsync("create table event as select 'while it was down' as what");
        await standby.Server.StartAsync();
        await standby.CaughtUpAsync();

        await standby.PromoteInPlaceAsync();

        Assert.Equal("while it was down", await server.ScalarAsync<string>("select what from event"));
    }

    [Fact]
    public async Task A_restored_copy_has_what_was_there_when_it_was_taken_on_the_same_timeline()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var database = await server.CreateDatabaseAsync();
        await database.ExecuteAsync("create table event as select 'before' as what");
        await server.StopAsync(PostgresShutdown.Fast);
        var copy = await server.TakeCopyAsync();
        await server.StartAsync();

        for (var times = 0; times < 2; times++)
        {
            database.DataSource.Clear(); // connections from before the stop
            await database.ExecuteAsync("insert into event values ('after')");
            Assert.Equal("after, before", await EventsAsync(database));
            await server.KillAsync();
            await server.RestoreCopyAsync(copy);
            await server.StartAsync();
            Assert.Equal("before", await EventsAsync(database));
            Assert.Equal(1, await TimelineAsync(server));
        }
    }

    private static Task WaitsForTheStandbyAsync(PostgresServer server) => Eventually.ThatAsync(
        async () => await server.ScalarAsync<long>("select count(*) from pg_stat_activity where wait_event = 'SyncRep'") == 1, Limit, "a commit waits for the standby");

    private static async Task<string?> EventsAsync(TestDatabase database)
    {
        database.DataSource.Clear(); // connections from before a restart
        return await database.ScalarAsync<string>("select string_agg(what, ', ' order by what) from event");
    }

    /// <summary>At once; pg_control_checkpoint() tells a new one only after its first checkpoint.</summary>
    private static async Task<int> TimelineAsync(PostgresServer server) =>
        Convert.ToInt32((await server.ScalarAsync<string>("select left(pg_walfile_name(pg_current_wal_lsn()), 8)"))!, 16);
}
