using Npgsql;
using NpgsqlTypes;
using ShardCore.Shards.History;
using TestCluster;

namespace ShardCore.Tests.Shards;

/// <summary>What real servers say of their logs and timelines, to users with different rights.</summary>
public sealed class ShardReadingTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_promoted_standby_tells_where_its_timeline_began_to_whoever_may_replicate()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await server.ExecuteAsync("create role plain login");
        await server.ExecuteAsync("create role mover login replication");
        await using var standby = await server.StartStandbyAsync("b");
        await standby.CaughtUpAsync();
        await standby.PromoteInPlaceAsync();
        await using var superuser = Source(server, PostgresServer.Superuser);
        await using var mover = Source(server, "mover");
        await using var plain = Source(server, "plain");

        var reading = await ShardReading.ReadAsync(plain, default);

        Assert.Equal(2u, reading!.Now.Timeline);
        Assert.Equal(reading.Now, reading.Confirmed);
        Assert.Equal(reading.Now.System, await server.ScalarAsync<string>("select system_identifier::text from pg_control_system()"));
        var end = Assert.Single((await TimelineHistory.ReadAsync(superuser, 2, 1, default)).Switches!);
        Assert.Equal(1u, end.Key);
        Assert.True(end.Value > default(NpgsqlLogSequenceNumber) && end.Value < reading.Now.Lsn);
        Assert.Equal(end, Assert.Single((await TimelineHistory.ReadAsync(mover, 2, 1, default)).Switches!));
        Assert.Empty((await TimelineHistory.ReadAsync(mover, 2, 7, default)).Switches!);
        Assert.Null((await TimelineHistory.ReadAsync(plain, 2, 1, default)).Switches);
    }

    [Fact]
    public async Task With_a_synchronous_standby_only_what_it_has_is_confirmed()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await server.ExecuteAsync("create table event (what text)");
        await using var standby = await server.StartStandbyAsync("b");
        await standby.MakeSynchronousAsync();
        await using var source = Source(server, PostgresServer.Superuser);
        await server.ExecuteAsync("insert into event values ('confirmed')");
        Assert.NotNull((await ShardReading.ReadAsync(source, default))!.Confirmed);
        await using (var follower = Source(standby.Server, PostgresServer.Superuser))
            Assert.Null(await ShardReading.ReadAsync(follower, default));

        await standby.StopReceivingAsync();
        var insert = server.ExecuteAsync("insert into event values ('not confirmed')");
        await Eventually.ThatAsync(
            async () => await server.ScalarAsync<long>("select count(*) from pg_stat_activity where wait_event = 'SyncRep'") == 1,
            Limit, "the commit waits for the standby");

        var reading = await ShardReading.ReadAsync(source, default);
        Assert.True(reading!.Confirmed!.Lsn < reading.Now.Lsn);
        standby.GoOnReceiving();
        await insert;
    }

    private static NpgsqlDataSource Source(PostgresServer server, string user) =>
        NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(server.ConnectionString("postgres")) { Username = user });
}
