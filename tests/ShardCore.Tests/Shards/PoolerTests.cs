using Npgsql;
using ShardCore.Ring;
using ShardCore.Sessions;
using ShardCore.Shards;
using TestCluster;

namespace ShardCore.Tests.Shards;

/// <summary>A pooler in the place of a shard's Postgres is noticed when a connection is made, in each of its modes.</summary>
public sealed class PoolerTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("session", false)]
    [InlineData("session", true)]
    [InlineData("transaction", false)]
    [InlineData("transaction", true)]
    [InlineData("statement", true)]
    public async Task A_pooler_is_refused_by_its_address(string mode, bool ignoresOptions)
    {
        var server = await postgres.ServerAsync();
        await using var database = await postgres.CreateDatabaseAsync();
        await using var bouncer = await PgBouncer.StartAsync(server, mode, ignoresOptions);
        await using ShardDatabase behind = ShardDataSources.Build(SettingsOf(database, bouncer.Port));

        for (var attempt = 0; attempt < 3; attempt++) // also once a session of the server is there for the next client
        {
            var refused = await Assert.ThrowsAsync<PoolerException>(() => behind.OpenAsync(TestContext.Current.CancellationToken));
            Assert.Contains($"{PgBouncer.Host}:{bouncer.Port}", refused.Message, StringComparison.Ordinal);
            Assert.False(refused.IsTransient);
        }
    }

    /// <summary>A relay that passes bytes on is no pooler.</summary>
    [Fact]
    public async Task A_relay_that_changes_nothing_is_no_pooler()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var relay = new TcpRelay(database.Host, database.Port);
        await using ShardDatabase behind = ShardDataSources.Build(SettingsOf(database, relay.Port));

        await using var connection = await behind.OpenAsync(TestContext.Current.CancellationToken);

        Assert.Equal(System.Data.ConnectionState.Open, connection.State);
    }

    [Fact]
    public async Task A_host_of_a_shard_with_standbys_that_is_a_pooler_says_so()
    {
        var server = await postgres.ServerAsync();
        await using var database = await postgres.CreateDatabaseAsync();
        await using var bouncer = await PgBouncer.StartAsync(server, "session", ignoresOptions: true);
        var address = new ShardAddress([new ShardHost(PgBouncer.Host, bouncer.Port), new ShardHost(database.Host, database.Port)], database.Name);
        await using var access = new ShardAccess(settings => settings.Username = PostgresServer.Superuser);
        var primary = access.PrimaryOf(address)!;

        Assert.Equal(new ShardHost(database.Host, database.Port), await primary.LookAsync(TestContext.Current.CancellationToken));

        Assert.Contains("pooler", primary.Views.Single(view => view.Host.Port == bouncer.Port).Problem, StringComparison.Ordinal);
    }

    private static NpgsqlConnectionStringBuilder SettingsOf(TestDatabase database, int port) =>
        new() { Host = PgBouncer.Host, Port = port, Database = database.Name, Username = PostgresServer.Superuser };
}
