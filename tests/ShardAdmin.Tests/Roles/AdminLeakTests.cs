using ShardCore.RingStorage;
using TestCluster;

namespace ShardAdmin.Tests.Roles;

/// <summary>Passwords, keys and documents are in no output of shardadmin, also when it fails, and in nothing that it writes down.</summary>
public sealed class AdminLeakTests(SharedPostgres postgres)
{
    private const string RedisPassword = "zqredis";
    private const string PostgresPassword = "zqpostgres";
    private const string PartitionKey = "zqpartition";
    private const string Document = "zqdocument";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task No_secret_comes_into_any_output()
    {
        await using var server = await RedisServer.StartNewAsync(persistent: false);
        await using var cluster = await AdminCluster.NewAsync(postgres, server.Endpoint, 2);
        await using (var connection = await RedisConnection.OpenAsync(server.Endpoint))
            await connection.CallAsync(
                database => database.ExecuteAsync("ACL", "SETUSER", "admin", "on", ">" + RedisPassword, "~*", "&*", "+@all"), TestContext.Current.CancellationToken);
        var address = $"{server.Endpoint},user=admin,password={RedisPassword}";
        var said = new List<string>();

        await RunAsync(said, cluster, address, cluster.InitArguments(2));
        await RunAsync(said, cluster, address, "collections", "create", "c");
        var key = (await RunAsync([], cluster, address, "keys", "create", "--name", "shop", "-q")).Trim();
        Assert.StartsWith("shk_", key, StringComparison.Ordinal);
        for (var number = 1; number <= 2; number++)
            await cluster.Database(number).ExecuteAsync($$"""
                insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
                select 1, now(), slot, 'c', '{{PartitionKey}}' || slot, 'i', '{"a":"{{Document}}"}' from sharding.slot_ownership where slot % 100 = 0
                """);
        await RunAsync(said, cluster, address, "move", "0-99", "--to", "s2", "--yes", "-v");
        await RunAsync(said, cluster, address, "--redis", address, "collections", "delete", "no-such", "--yes", "-v");
        await RunAsync(said, cluster, address, "keys", "revoke", key, "-v");
        await RunAsync(said, cluster, "127.0.0.1:1,password=" + RedisPassword, "status", "-v");
        await RunAsync(said, cluster, server.Endpoint + ",user=admin,password=zqredis-wrong", "move", "0-9", "--to", "s1", "--yes", "-v");
        await RunAsync(said, cluster, address, "add-shard", "s3", "--host", $"postgres://me:{PostgresPassword}@127.0.0.1", "--port", "1", "--database", "d", "--yes");
        await RunAsync(said, cluster, address, "migrate", "--database", $"postgres://me:{PostgresPassword}@127.0.0.1/d");
        await RunAsync(said, cluster, "redis://me:" + RedisPassword + "@127.0.0.1:1", "status");
        await cluster.Database(2).ExecuteAsync("alter table sharding_items.c rename to c_away"); // statements fail in the middle of a move
        await RunAsync(said, cluster, address, "move", "100-199", "--to", "s2", "--yes", "-v");
        await cluster.Database(2).ExecuteAsync("alter table sharding_items.c_away rename to c");
        // Not verify: it names the keys of rows that are in the wrong place, so that a person can find them.
        foreach (var look in new[] { "status", "doctor", "ops list", "ring show", "ring history", "audit", "keys list --all", "ring export" })
            await RunAsync(said, cluster, address, [.. look.Split(' '), "-v"]);

        var everything = string.Join('\n', said);
        Assert.Contains("password=…", everything, StringComparison.Ordinal);
        foreach (var secret in (string[])[RedisPassword, PostgresPassword, PartitionKey, Document, key.Split('_')[2]])
            Assert.DoesNotContain(everything.Split('\n'), line => line.Contains(secret, StringComparison.OrdinalIgnoreCase));
    }

    /// <returns>What it wrote to both outputs.</returns>
    private static async Task<string> RunAsync(List<string> said, AdminCluster cluster, string redis, params string[] arguments)
    {
        await using var process = ChildProcess.Start(
            RequiredProgram.TryFind("dotnet") ?? "dotnet", [AdminChild.Program, .. arguments],
            environment: new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["SHARDING_REDIS"] = redis,
                ["SHARDING_CLUSTER"] = cluster.Name,
                ["PGPASSWORD"] = PostgresPassword,
            });
        process.KeepAll();
        await process.WaitForExitAsync(Limit);
        said.Add(process.Output);
        return process.Output;
    }
}
