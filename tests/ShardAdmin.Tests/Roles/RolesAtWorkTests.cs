using Npgsql;
using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Roles;

/// <summary>The commands with the roles of docs/operations/security.md, by processes that log in as them.</summary>
public sealed class RolesAtWorkTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_mover_does_all_the_work_of_a_cluster()
    {
        await using var restricted = await RestrictedCluster.InitialisedAsync(postgres, redis, shards: 2, databases: 3);
        var cluster = restricted.Cluster;

        await restricted.SucceedsAsync(RestrictedCluster.Mover, "collections", "create", "orders");
        await restricted.SucceedsAsync(RestrictedCluster.Mover, "collections", "create", "gone");
        for (var number = 1; number <= 2; number++)
            await cluster.Database(number).ExecuteAsync("""
                insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
                select 1, now(), sharding.slot_of('k' || i), c, 'k' || i, 'i', '{}' from generate_series(1, 2000) i, unnest('{orders,gone}'::text[]) c
                where exists (select from sharding.slot_ownership o where o.slot = sharding.slot_of('k' || i) and o.state = 'owned')
                """);
        await restricted.SucceedsAsync(RestrictedCluster.Mover, "collections", "delete", "gone", "--yes");
        await restricted.SucceedsAsync(RestrictedCluster.Mover, "keys", "create", "--name", "shop");
        await restricted.SucceedsAsync(RestrictedCluster.Mover, [.. cluster.AddArguments(3), "--yes"]);
        await restricted.SucceedsAsync(RestrictedCluster.Mover, "verify");
        Assert.Equal(0L, await restricted.Server.ScalarAsync<long>("select count(*) from pg_replication_slots"));
        await restricted.SucceedsAsync(RestrictedCluster.Mover, "backup", "point", "nightly", "--out", TemporaryFolder.NewPath("point"));
        await restricted.SucceedsAsync(RestrictedCluster.Mover, "remove-shard", "s1", "--yes");
        await restricted.SucceedsAsync(RestrictedCluster.Mover, "verify");

        var doctor = await restricted.SucceedsAsync(RestrictedCluster.Mover, "doctor");
        Assert.Matches(@"ok\s+rights", doctor);
        Assert.Equal(2000L, await cluster.Database(2).ScalarAsync<long>("select count(*) from sharding.item where collection = 'orders'")
            + await cluster.Database(3).ScalarAsync<long>("select count(*) from sharding.item where collection = 'orders'"));
    }

    [Theory]
    [InlineData("status")]
    [InlineData("ops", "list")]
    [InlineData("ring", "show")]
    [InlineData("routers")]
    [InlineData("collections", "list")]
    public async Task A_reader_looks(params string[] arguments)
    {
        await using var restricted = await RestrictedCluster.InitialisedAsync(postgres, redis, shards: 1, databases: 1);
        var (exitCode, output) = await restricted.RunAsync(RestrictedCluster.Reader, arguments);
        Assert.True(exitCode is 0 or (int)ExitCode.Precondition, output); // no router runs, says status
        Assert.DoesNotContain("denied", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mover_makes_no_schema_and_is_told_who_does()
    {
        await using var restricted = await RestrictedCluster.NewAsync(postgres, redis, databases: 1);

        var (exitCode, output) = await restricted.RunAsync(RestrictedCluster.Mover, restricted.Cluster.InitArguments(1));

        Assert.Equal((int)ExitCode.Precondition, exitCode);
        Assert.Contains("shardadmin migrate --database", output, StringComparison.Ordinal);
        Assert.False(await restricted.Cluster.Database(1).ScalarAsync<bool>("select to_regnamespace('sharding') is not null"));
    }

    [Fact]
    public async Task Doctor_tells_rights_that_were_changed_and_migrate_mends_them()
    {
        await using var restricted = await RestrictedCluster.InitialisedAsync(postgres, redis, shards: 1, databases: 1);
        await restricted.Cluster.Database(1).ExecuteAsync("""
            grant insert on sharding.item to sharding_router; grant select (doc) on sharding.item to sharding_reader;
            revoke execute on function sharding.api_key_digest() from sharding_router; grant execute on function sharding.leave() to public
            """);

        var (_, told) = await restricted.RunAsync(RestrictedCluster.Mover, "doctor");
        Assert.Contains("revoke insert on table sharding.item from sharding_router", told, StringComparison.Ordinal);
        Assert.Contains("revoke select (doc) on table sharding.item from sharding_reader", told, StringComparison.Ordinal);
        Assert.Contains("grant execute on function sharding.api_key_digest() to sharding_router", told, StringComparison.Ordinal);
        Assert.Contains("revoke execute on function sharding.leave() from public", told, StringComparison.Ordinal);

        await restricted.SucceedsAsync(RestrictedCluster.Migrator, "migrate");
        Assert.Equal(0L, await restricted.Cluster.Database(1).ScalarAsync<long>("select count(*) from sharding.rights_to_change()"));
    }

    [Fact]
    public async Task A_cluster_that_was_made_by_one_user_gets_the_roles_later()
    {
        var server = await PostgresProvider.Default.StartAsync();
        var database = await server.CreateDatabaseAsync();
        await using var restricted = new RestrictedCluster(server, await AdminCluster.NewAsync(postgres, redis, 0));
        restricted.Cluster.Adopt(database);
        (await restricted.Cluster.RunAsync(restricted.Cluster.InitArguments(1))).Succeeds();

        for (var twice = 0; twice < 2; twice++)
            await database.ExecuteAsync((await restricted.Cluster.RunAsync("grants")).Succeeds().Out);
        (await restricted.Cluster.RunAsync("migrate")).Succeeds();

        await restricted.SucceedsAsync(RestrictedCluster.Mover, "verify");
        Assert.Equal(0L, await database.ScalarAsync<long>("""
            select count(*) from pg_class where relnamespace = 'sharding'::regnamespace and relowner <> 'sharding_owner'::regrole
            """));
        Assert.Equal(0L, await database.ScalarAsync<long>("""
            select count(*) from pg_proc where pronamespace = 'sharding'::regnamespace and proowner <> 'sharding_owner'::regrole
            """));
    }

    /// <summary>As on a managed Postgres, which gives nobody a superuser.</summary>
    [Fact]
    public async Task An_administrator_who_is_no_superuser_makes_roles_and_schema()
    {
        var server = await PostgresProvider.Default.StartAsync();
        await server.ExecuteAsync("create role administrator login createrole");
        var database = await server.CreateDatabaseAsync();
        await server.ExecuteAsync($"alter database {database.Name} owner to administrator");
        await using var restricted = new RestrictedCluster(server, await AdminCluster.NewAsync(postgres, redis, 0));
        restricted.Cluster.Adopt(database);

        await using (var source = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(server.ConnectionString(database.Name)) { Username = "administrator", Pooling = false }))
        await using (var command = source.CreateCommand((await restricted.Cluster.RunAsync("grants")).Succeeds().Out))
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await restricted.SucceedsAsync("administrator", "migrate", "--database", database.Address);

        await restricted.SucceedsAsync(RestrictedCluster.Mover, restricted.Cluster.InitArguments(1));
        await restricted.SucceedsAsync(RestrictedCluster.Mover, "collections", "create", "orders");
        Assert.Equal(0L, await database.ScalarAsync<long>("select count(*) from sharding.rights_to_change()"));
    }
}
