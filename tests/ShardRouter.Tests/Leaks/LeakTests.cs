using System.Text;
using ShardCore.Migrations;
using ShardCore.RingStorage;
using ShardRouter.Tests.Access;
using TestCluster;

namespace ShardRouter.Tests.Leaks;

/// <summary>
/// Secrets are planted in every part of every kind of request, also of those that fail. Then every output is searched for them: the log of the
/// router at its chattiest, its metrics, health and arguments, and the log of Postgres. The router logs in with its own role, so this also
/// shows that the role is enough.
/// </summary>
public sealed class LeakTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>No secret is a part of another, and none is a word that anybody writes.</summary>
    private static readonly Dictionary<string, string> Planted = new(StringComparer.Ordinal)
    {
        ["pk"] = "zqpartition",
        ["id"] = "zqidentity",
        ["document"] = "zqdocument",
        ["member"] = "zqmember",
        ["patch"] = "zqpatch",
        ["query"] = "zqquery",
        ["header"] = "zqheader",
        ["postgres"] = "zqpostgres",
        ["redis"] = "zqredis",
        ["etag"] = "zqetag",
        ["claim"] = "zqclaim",
    };

    [Fact]
    public async Task No_secret_comes_into_any_output()
    {
        await using var server = await PostgresProvider.Default.StartAsync(new PostgresOptions(Settings:
            ["logging_collector=on", "log_min_messages=info", "log_min_error_statement=error", "log_min_duration_statement=0"]));
        await using var redis = await RedisServer.StartNewAsync(persistent: false);
        await using var first = await server.CreateDatabaseAsync();
        await using var second = await server.CreateDatabaseAsync();
        foreach (var database in new[] { first, second })
            await database.ExecuteAsync(RoleScript.Read(standbys: false));
        await using var cluster = await SeededCluster.CreateAsync([first, second], redis);
        await using (var connection = await RedisConnection.OpenAsync(redis.Endpoint))
            await connection.CallAsync(
                database => database.ExecuteAsync("ACL", "SETUSER", "router", "on", ">" + Planted["redis"], "~*", "&*", "+@all"), TestContext.Current.CancellationToken);
        var (key, _) = await cluster.CreateKeyAsync();
        using var tokens = TokenMaker.Ec();
        var jwks = TemporaryFolder.NewPath("jwks");
        await File.WriteAllTextAsync(jwks, TokenMaker.Jwks(tokens), TestContext.Current.CancellationToken);
        await using var router = await cluster.StartRouterAsync(
            GuardedCluster.Guarded, ("PGUSER", "sharding_router"), ("PGPASSWORD", Planted["postgres"]),
            ("SHARDING_REDIS", $"{redis.Endpoint},user=router,password={Planted["redis"]}"),
            ("SHARDING_JWT_ISSUER", TokenMaker.Issuer), ("SHARDING_JWT_AUDIENCE", TokenMaker.Audience), ("SHARDING_JWT_JWKS", jwks),
            ("Logging__LogLevel__Default", "Trace"), ("Logging__LogLevel__Microsoft", "Trace"), ("Logging__LogLevel__Microsoft.AspNetCore", "Trace"),
            ("Logging__LogLevel__Microsoft.AspNetCore.Hosting.Diagnostics", "Trace"), ("Logging__LogLevel__Npgsql", "Trace"));
        using var client = router.As(key);

        var cursor = await CallAllAsync(client);
        var shown = await ShowAllAsync(router, tokens);
        var outputs = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["metrics"] = await router.MetricsAsync(),
            ["health"] = (await router.HealthAsync("ready")).Text,
            ["costs of queries"] = (await router.Operations.GetAsync("/admin/v1/queries")).Expect(200).Text,
            ["arguments"] = await File.ReadAllTextAsync($"/proc/{router.ProcessId}/cmdline", TestContext.Current.CancellationToken),
        };
        await cluster.Shards[0].Database.ExecuteAsync("alter table sharding_items.c rename to c_away"); // every statement on it fails
        await CallAllAsync(client);
        await cluster.Shards[0].Database.ExecuteAsync("alter table sharding_items.c_away rename to c");
        outputs["log of Postgres"] = (await server.ScalarAsync<string>("select pg_read_file(pg_current_logfile())"))!;
        await redis.KillAsync();
        await server.KillAsync();
        await CallAllAsync(client);
        await Eventually.ThatAsync(() => Task.FromResult(router.Output.Contains("Redis at", StringComparison.Ordinal)), Limit, "the router misses Redis");
        outputs["log of the router"] = router.Output;

        Assert.Contains("write_items", outputs["log of Postgres"], StringComparison.Ordinal); // it has the statements of routers
        Assert.Contains("dbug:", outputs["log of the router"], StringComparison.Ordinal);
        Assert.Contains("[id] gte and", outputs["costs of queries"], StringComparison.Ordinal); // it has the queries
        outputs["costs of queries"] = outputs["costs of queries"].Replace(Planted["member"], "", StringComparison.Ordinal); // names of fields it has
        string[] secrets = [.. Planted.Values, key, key.Split('_')[2], cursor, .. shown];
        Assert.Empty(
            from output in outputs
            from line in output.Value.Split('\n')
            from secret in secrets
            where line.Contains(secret, StringComparison.OrdinalIgnoreCase)
            select $"{secret} in the {output.Key}: {line.Trim()}");
    }

    /// <summary>Requests of every kind: good ones, and those that the router or the shard refuses.</summary>
    /// <returns>A cursor that was given.</returns>
    private static async Task<string> CallAllAsync(ApiClient client)
    {
        var (pk, id, doc) = (Planted["pk"], Planted["id"], $$"""{"{{Planted["member"]}}":"{{Planted["document"]}}","n":"x"}""");
        var item = $"/v1/collections/c/items/{pk}/{id}";
        await client.PutAsync("/v1/collections/c", "");
        await client.PutAsync(item, doc);
        await client.PutAsync(item, doc, ("Prefer", "return=representation"));
        await client.PutAsync(item, doc, ("If-Match", $"\"{Planted["etag"]}\""));
        await client.PutAsync(item, doc, ("If-None-Match", "*"));
        await client.PutAsync(item, doc, ("X-Any", Planted["header"]), ("Session-Token", Planted["header"]));
        await client.PutAsync(item + "2", doc);
        await client.PutAsync(item, $$"""{"{{Planted["document"]}}": {{Planted["document"]}}""");
        await client.PutAsync(item, $$"""{"a":"\u0000{{Planted["document"]}}","b":1e999999}""");
        await client.GetAsync(item);
        await client.GetAsync($"{item}?{Planted["query"]}=1");
        await client.GetAsync($"/v1/collections/c/items/{pk}?f.{Planted["member"]}=eq.{Planted["query"]}");
        await client.GetAsync($"/v1/collections/c/items/{pk}?cursor={Planted["query"]}");
        await client.GetAsync($"/v1/collections/nobody/items/{pk}/{id}"); // a collection's name is that of a table, and no secret
        await client.GetAsync($"/v1/{Planted["query"]}");
        var page = await client.GetAsync($"/v1/collections/c/items/{pk}?limit=1");
        foreach (var (type, body) in new[]
        {
            ("application/merge-patch+json", $$"""{"{{Planted["member"]}}":{"{{Planted["patch"]}}":1} }"""),
            ("application/json-patch+json", $$"""[{"op":"test","path":"/{{Planted["patch"]}}","value":"{{Planted["document"]}}"}]"""),
            ("application/json-patch+json", $$"""[{"op":"move","from":"/{{Planted["patch"]}}","path":"/a"}]"""),
            ("application/json-patch+json", $$"""[{"op":"{{Planted["patch"]}}"}]"""),
        })
            await client.SendAsync("PATCH", item, Encoding.UTF8.GetBytes(body), ("Content-Type", type));
        await client.PostAsync("/v1/collections/c:batchGet", $$"""{"keys":[{"pk":"{{pk}}","id":"{{id}}"},{"pk":"{{pk}}","id":"{{id}}x"}]}""");
        await client.PostAsync("/v1/collections/c:batchWrite", $$"""{"ops":[{"op":"put","pk":"{{pk}}","id":"{{id}}","doc":{{doc}} },{"op":"increment","pk":"{{pk}}","id":"{{id}}","path":"{{Planted["member"]}}","by":1}]}""");
        foreach (var operation in new[]
        {
            $$"""{"op":"increment","collection":"c","id":"{{id}}","path":"{{Planted["member"]}}","by":1}""",
            $$"""{"op":"put","collection":"c","id":"{{id}}","ifNoneMatch":"*","doc":{{doc}} }""",
            $$"""{"op":"{{Planted["patch"]}}","collection":"c","id":"{{id}}"}""",
        })
            await client.PostAsync("/v1:transact", $$"""{"pk":"{{pk}}","ops":[{"op":"put","collection":"c","id":"other","doc":{{doc}} },{{operation}}]}""");
        await client.PostAsync("/v1:locate", $$"""{"pk":"{{pk}}"}""");
        var filter = $$"""{"{{Planted["member"]}}":{"in":["{{Planted["document"]}}","{{Planted["query"]}}"]} }""";
        await client.PostAsync("/v1/collections/c:query", $$"""{"partition":"{{pk}}","id":{"prefix":"{{id}}"},"filter":{{filter}} }""");
        await client.PostAsync("/v1/collections/c:query", $$"""{"allowScan":true,"filter":{{filter}},"orderBy":[{"path":"{{Planted["member"]}}"}],"count":"exact"}""");
        await client.PostAsync("/v1/collections/c:query", $$"""{"allowScan":true,"filter":{"n":{"gt":true,"{{Planted["query"]}}":1} } }""");
        await client.PostAsync("/v1/collections/c:aggregate", $$"""{"allowScan":true,"groupBy":["{{Planted["member"]}}"],"aggregates":[{"op":"max","path":"n","as":"{{Planted["query"]}}"}]}""");
        await client.SendAsync("DELETE", item, null, ("If-Match", $"\"{Planted["etag"]}\""));
        return page.Status == 200 && page.Json.TryGetProperty("next", out var next) ? next.GetString()! : "zqnocursor";
    }

    /// <summary>Keys and tokens that are good, and those that are refused.</summary>
    /// <returns>All that were shown.</returns>
    private static async Task<string[]> ShowAllAsync(RouterProcess router, TokenMaker tokens)
    {
        var claims = TokenMaker.Claims(tenant: Planted["claim"]);
        var good = tokens.Token(claims);
        using var stranger = TokenMaker.Ec();
        string[] shown =
        [
            good, good[..^4] + "AAAA", stranger.Token(claims), TokenMaker.Unsigned(claims), tokens.Token(TokenMaker.Claims(lives: TimeSpan.FromHours(-1))),
            tokens.TokenSignedWithThePublicKey(claims), "shk_zqzqzqzqzqzqzqzq_zqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzq123456", ShardCore.Access.ApiKeyText.Create().Text,
            "zqanything.zqmore.zqsignature",
        ];
        foreach (var each in shown)
        {
            using var client = router.As(each);
            await client.GetAsync($"/v1/collections/c/items/{Planted["pk"]}/{Planted["id"]}");
        }
        return shown;
    }
}
