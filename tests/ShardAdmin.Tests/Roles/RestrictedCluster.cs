using ShardCore.Migrations;
using TestCluster;

namespace ShardAdmin.Tests.Roles;

/// <summary>
/// Databases of a server of their own that has the roles. Nobody works there as superuser: whoever migrates is only a member of the owner.
/// </summary>
internal sealed class RestrictedCluster(PostgresServer server, AdminCluster cluster) : IAsyncDisposable
{
    public const string Owner = "sharding_owner";
    public const string Router = "sharding_router";
    public const string Mover = "sharding_mover";
    public const string Reader = "sharding_reader";

    /// <summary>Migrates; a member of the owner with no other right.</summary>
    public const string Migrator = "migrator";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    public AdminCluster Cluster => cluster;

    public PostgresServer Server => server;

    /// <param name="databases">The databases have the roles and no schema yet.</param>
    public static async Task<RestrictedCluster> NewAsync(SharedPostgres postgres, SharedRedis redis, int databases)
    {
        var server = await PostgresProvider.Default.StartAsync();
        var restricted = new RestrictedCluster(server, await AdminCluster.NewAsync(postgres, redis, 0));
        for (var i = 0; i < databases; i++)
        {
            var database = await server.CreateDatabaseAsync();
            restricted.Cluster.Adopt(database);
            await database.ExecuteAsync(RoleScript.Read(standbys: false));
        }
        await server.ExecuteAsync($"create role {Migrator} login; grant {Owner} to {Migrator}");
        for (var number = 1; number <= databases; number++)
            await restricted.Cluster.Database(number).ExecuteAsync(
                $"do $$ begin execute format('grant connect on database %I to {Migrator}', current_database()); end $$");
        return restricted;
    }

    /// <summary>All databases migrated, and the first ones made the shards s1, s2 …</summary>
    public static async Task<RestrictedCluster> InitialisedAsync(SharedPostgres postgres, SharedRedis redis, int shards, int databases)
    {
        var restricted = await NewAsync(postgres, redis, databases);
        await restricted.SucceedsAsync(Migrator, [
            "migrate", .. Enumerable.Range(1, databases).SelectMany(n => new[] { "--database", restricted.Cluster.Database(n).Address })]);
        await restricted.SucceedsAsync(Mover, restricted.Cluster.InitArguments(shards));
        return restricted;
    }

    public async Task<(int ExitCode, string Output)> RunAsync(string user, params string[] arguments)
    {
        await using var process = AdminChild.Start(cluster, arguments, user: user);
        await process.WaitForExitAsync(Limit);
        return (process.ExitCode, process.Output);
    }

    /// <returns>What it printed.</returns>
    public async Task<string> SucceedsAsync(string user, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(user, arguments);
        Assert.True(exitCode == 0, $"{user}: shardadmin {string.Join(' ', arguments)} ended with {exitCode}.\n{output}");
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        await cluster.DisposeAsync();
        await server.DisposeAsync();
    }
}
