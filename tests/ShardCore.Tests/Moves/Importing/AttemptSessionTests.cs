using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Sessions;
using ShardCore.Shards;
using TestCluster;

namespace ShardCore.Tests.Moves.Importing;

public sealed class AttemptSessionTests(SharedPostgres postgres)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task It_has_the_attempts_name_only_until_it_is_given_back()
    {
        await using var database = await postgres.CreateShardAsync();
        await using var pool = Pool(database);
        var sessions = new AttemptSessions(pool, "move x/1");

        await using (await sessions.OpenAsync(TestContext.Current.CancellationToken))
            Assert.Equal(1, await CountAsync(database));

        Assert.Equal(0, await CountAsync(database));
    }

    /// <summary>Nobody uses it while it breaks: the keep-alive alone notices, and then the library knows it only as not open.</summary>
    [Fact]
    public async Task One_that_was_ended_while_it_waited_is_told_as_lost()
    {
        await using var database = await postgres.CreateShardAsync();
        await using var pool = Pool(database);
        await using var session = await new AttemptSessions(pool, "move x/1").OpenAsync(TestContext.Current.CancellationToken);

        await database.ExecuteAsync($"select pg_terminate_backend(pid) from pg_stat_activity where {Mine}");

        await Eventually.ThatAsync(
            () =>
            {
                try
                {
                    return Task.FromResult(session.Connection is null);
                }
                catch (SessionLostException)
                {
                    return Task.FromResult(true);
                }
            },
            Limit, "the keep-alive finds the session broken");
    }

    private static string Mine => "application_name = 'move x/1' and datname = current_database()";

    private static NpgsqlDataSource Pool(TestDatabase database) => ShardDataSources.Build(new NpgsqlConnectionStringBuilder
    {
        Host = database.Host,
        Port = database.Port,
        Database = database.Name,
        Username = "sharding",
        KeepAlive = 1,
        MaxPoolSize = 1,
    });

    private static Task<long> CountAsync(TestDatabase database) => database.ScalarAsync<long>($"select count(*) from pg_stat_activity where {Mine}");
}
