using Dapper;
using Npgsql;
using ShardCore.Sessions;
using ShardCore.Shards;
using TestCluster;

namespace ShardCore.Tests.Shards;

public sealed class ShardConnectionTests(SharedPostgres postgres)
{
    /// <summary>A connection that is opened past it would report success for a commit that is not confirmed.</summary>
    [Fact]
    public void Nothing_in_the_programs_opens_a_connection_in_another_way()
    {
        var sources = Directory.EnumerateFiles(Path.Combine(Checkout.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal)).ToArray();
        Assert.True(sources.Length > 100, "The sources were not found.");

        string[] allowed = ["ShardDatabase.cs", "HostProbe.cs"]; // the one place, and the one that only asks who is the primary
        var others = sources.Where(file => !allowed.Contains(Path.GetFileName(file)) && File.ReadAllText(file).Contains("SessionStart.OpenAsync(", StringComparison.Ordinal))
            .Concat(sources.Where(file => Path.GetFileName(file) != "SessionStart.cs" && File.ReadAllText(file) is var text
            && (text.Contains("OpenConnectionAsync(", StringComparison.Ordinal) || text.Contains("OpenConnection(", StringComparison.Ordinal) || text.Contains("new NpgsqlConnection(", StringComparison.Ordinal))));

        Assert.Empty(others);
    }

    [Fact]
    public async Task A_session_has_what_it_needs_whatever_its_role_and_database_have_set()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        string[] foreign = ["search_path = 'public'", "client_min_messages = 'error'", "row_security = on", "default_transaction_isolation = 'serializable'", "DateStyle = 'German'",
            "idle_session_timeout = '9s'", "idle_in_transaction_session_timeout = '9s'", "statement_timeout = '9s'", "lock_timeout = '9s'", "TimeZone = 'Asia/Kolkata'", "jit = on"];
        foreach (var setting in foreign)
            await database.ExecuteAsync($"alter database {database.Name} set {setting}");
        await using ShardDatabase source = ShardDataSources.Build(new NpgsqlConnectionStringBuilder { Host = database.Host, Port = database.Port, Database = database.Name, Username = PostgresServer.Superuser });
        await using var connection = await source.OpenAsync(TestContext.Current.CancellationToken);
        var actual = (await connection.QueryAsync<(string Name, string Value)>("select name, setting from pg_settings where source = 'client'")).ToDictionary(each => each.Name, each => each.Value, StringComparer.Ordinal);

        Assert.Equal("pg_catalog,pg_temp", actual["search_path"]);
        Assert.Equal(("warning", "off", "read committed"), (actual["client_min_messages"], actual["row_security"], actual["default_transaction_isolation"]));
        Assert.Equal(("ISO, YMD", "UTC", "off"), (actual["DateStyle"], actual["TimeZone"], actual["jit"]));
        foreach (var limit in (string[])["idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout"])
            Assert.Equal("0", actual[limit]);
    }

    [Fact]
    public async Task It_tells_of_a_commit_that_was_not_confirmed_once()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var database = await server.CreateDatabaseAsync();
        await using var ghost = await GhostStandby.AppearAsync(server);
        await using ShardDatabase source = ShardDataSources.Build(new NpgsqlConnectionStringBuilder { Host = database.Host, Port = database.Port, Database = database.Name, Username = PostgresServer.Superuser });
        var connection = await source.OpenAsync(TestContext.Current.CancellationToken);
        var writing = connection.ExecuteAsync("select pg_logical_emit_message(true, 'x', '')");
        await Eventually.ThatAsync(async () => await ghost.CancelWaitsAsync() > 0, TimeSpan.FromSeconds(20), "the commit waits");
        await writing;

        Assert.Throws<CommitNotConfirmedException>(connection.RequireConfirmed);
        connection.RequireConfirmed();
        var again = connection.ExecuteAsync("select pg_logical_emit_message(true, 'x', '')");
        await Eventually.ThatAsync(async () => await ghost.CancelWaitsAsync() > 0, TimeSpan.FromSeconds(20), "the commit waits");
        await again;
        await Assert.ThrowsAsync<CommitNotConfirmedException>(async () => await connection.DisposeAsync());
    }

    /// <summary>
    /// Dapper opens a connection that is closed by itself, which in the middle of a transaction would be a session without its locks.
    /// </summary>
    [Fact]
    public async Task One_that_broke_while_nobody_used_it_is_not_opened_again()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using ShardDatabase source = ShardDataSources.Build(new NpgsqlConnectionStringBuilder { Host = database.Host, Port = database.Port, Database = database.Name, Username = PostgresServer.Superuser, KeepAlive = 1 });
        await using var connection = await source.OpenAsync(TestContext.Current.CancellationToken);
        var pid = await connection.ExecuteScalarAsync<int>("select pg_backend_pid()");
        await database.ExecuteAsync($"select pg_terminate_backend({pid})");
        await Eventually.ThatAsync(() => connection.FullState != System.Data.ConnectionState.Open, TimeSpan.FromSeconds(20), "the keep-alive finds it broken");

        await Assert.ThrowsAsync<NpgsqlException>(() => connection.ExecuteScalarAsync<int>("select 1"));
    }

    /// <summary>A name that the server does not know would end every connection.</summary>
    [Theory]
    [InlineData(15, "")]
    [InlineData(16, "")]
    [InlineData(17, " -c transaction_timeout=0")]
    [InlineData(18, " -c transaction_timeout=0")]
    public void Only_newer_servers_get_what_older_ones_do_not_know(int major, string options) => Assert.Equal(options, SessionSettings.Newer(new Version(major, 2)));
}
