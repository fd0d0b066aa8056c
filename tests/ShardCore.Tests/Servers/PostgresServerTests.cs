using Npgsql;
using TestCluster;

namespace ShardCore.Tests.Servers;

/// <summary>The seam that every other test stands on.</summary>
public sealed class PostgresServerTests(SharedPostgres shared)
{
    [Fact]
    public async Task Each_test_has_an_empty_database_of_its_own()
    {
        await using var first = await shared.CreateDatabaseAsync();
        await using var second = await shared.CreateDatabaseAsync();
        await first.ExecuteAsync("create table only_here (x int)");

        Assert.NotEqual(first.Name, second.Name);
        Assert.Equal(0, await second.ScalarAsync<long>("select count(*) from pg_class where relname = 'only_here'"));
        Assert.Equal("UTF8", await second.ScalarAsync<string>("show server_encoding"));
        Assert.Equal("logical", await second.ScalarAsync<string>("show wal_level"));
        Assert.Equal("on", await second.ScalarAsync<string>("show synchronous_commit"));
    }

    [Fact]
    public async Task Committed_rows_survive_every_way_of_stopping_on_the_same_port()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var database = await server.CreateDatabaseAsync();
        await database.ExecuteAsync("create table event (what text)");
        var port = server.Port;

        await database.ExecuteAsync("insert into event values ('before kill')");
        await server.KillAsync();
        await server.StartAsync();
        await Insert(database, "before immediate");
        await server.RestartAsync(PostgresShutdown.Immediate);
        await Insert(database, "before fast");
        await server.RestartAsync(PostgresShutdown.Fast);

        database.DataSource.Clear();
        Assert.Equal(3, await database.ScalarAsync<long>("select count(*) from event"));
        Assert.Equal(port, server.Port);
    }

    [Fact]
    public async Task A_paused_server_answers_nothing_and_goes_on_when_resumed()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var database = await server.CreateDatabaseAsync();
        await using var connection = await database.DataSource.OpenConnectionAsync();
        await using var command = new NpgsqlCommand("select 1", connection);

        await server.PauseAsync();
        var answer = command.ExecuteScalarAsync();
        await Assert.ThrowsAsync<TimeoutException>(() => answer.WaitAsync(TimeSpan.FromMilliseconds(500)));
        await server.ResumeAsync();

        Assert.Equal(1, await answer);
    }

    private static async Task Insert(TestDatabase database, string what)
    {
        database.DataSource.Clear(); // connections from before the stop
        await database.ExecuteAsync($"insert into event values ('{what}')");
    }
}
