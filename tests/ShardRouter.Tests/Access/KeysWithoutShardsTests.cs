using ShardCore.Access;
using TestCluster;
using static ShardRouter.Tests.Access.AuthenticationTests;

namespace ShardRouter.Tests.Access;

/// <summary>What a router says of keys while shards cannot be asked.</summary>
public sealed class KeysWithoutShardsTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task While_no_shard_answers_nobody_knows_whether_there_is_such_a_key()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var cluster = await SeededCluster.CreateAsync([await server.CreateDatabaseAsync(), await server.CreateDatabaseAsync()], await redis.ServerAsync());
        var (known, _) = await cluster.CreateKeyAsync();
        await using var router = await cluster.StartRouterAsync(GuardedCluster.Guarded);
        var (unknown, _, _) = ApiKeyText.Create();
        (await router.Api.GetAsync("/v1/collections", Showing(unknown))).Expect(401);

        await server.StopAsync(PostgresShutdown.Immediate);

        (await router.Api.GetAsync("/v1/collections", Showing(unknown))).ExpectProblem(503, "keys-unavailable");
        (await router.Api.PostAsync("/v1:locate", """{"pk":"a"}""", Showing(known))).Expect(200); // what it knows it goes on to know
        await server.StartAsync();
        await Eventually.ThatAsync(async () => (await router.Api.GetAsync("/v1/collections", Showing(unknown))).Status == 401, Soon, "a shard says that there is none");
    }

    [Fact]
    public async Task One_shard_is_enough_to_say_that_there_is_no_such_key()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var cluster = await SeededCluster.CreateAsync([await postgres.CreateShardAsync(), await server.CreateDatabaseAsync()], await redis.ServerAsync());
        await using var router = await cluster.StartRouterAsync(GuardedCluster.Guarded);

        await server.StopAsync(PostgresShutdown.Immediate);

        (await router.Api.GetAsync("/v1/collections", Showing(ApiKeyText.Create().Text))).Expect(401);
    }

    [Fact]
    public async Task Looks_at_a_table_that_somebody_holds_do_not_pile_up()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 2);
        await using var router = await cluster.StartRouterAsync(GuardedCluster.Guarded);
        var database = cluster["s1"].Database;
        await using (var holder = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken))
        await using (await holder.BeginTransactionAsync(TestContext.Current.CancellationToken))
        {
            await using var take = new Npgsql.NpgsqlCommand("lock table sharding.api_key in access exclusive mode", holder);
            await take.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            await Task.Delay(TimeSpan.FromSeconds(7), TestContext.Current.CancellationToken); // several looks

            var waiting = await database.ScalarAsync<string[]>(
                "select coalesce(array_agg(usename || ' ' || query), '{}') from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");
            Assert.True(waiting!.Length <= 1, string.Join(Environment.NewLine, waiting));
        }
        var (text, _) = await cluster.CreateKeyAsync();
        (await router.Api.GetAsync("/v1/collections", Showing(text))).Expect(200);
    }
}
