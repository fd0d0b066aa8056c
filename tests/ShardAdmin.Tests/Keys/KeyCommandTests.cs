using System.Text.Json;
using ShardAdmin.Failures;
using ShardCore.Access;
using ShardCore.Shards;
using TestCluster;

namespace ShardAdmin.Tests.Keys;

/// <summary>Making, showing, ending and renewing API keys.</summary>
public sealed class KeyCommandTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_created_key_is_in_every_shard_and_its_secret_is_shown_once_and_kept_nowhere()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);

        var created = (await cluster.RunAsync(
            "keys", "create", "--name", "shop of t1", "--scopes", "items:write,items:read", "--collections", "a,b", "--partitions", "t1:*,shared", "--expires", "90d", "-o", "json")).Succeeds().Json;

        var text = created.GetProperty("key").GetString()!;
        var (id, secret, hash) = Read(text);
        Assert.Equal(id, created.GetProperty("id").GetString());
        foreach (var rows in await RowsAsync(cluster))
        {
            var key = Assert.Single(rows);
            Assert.Equal(hash, key.SecretHash);
            Assert.Equal(["items:read", "items:write"], key.Scopes);
            Assert.Equal(["a", "b"], key.Collections!);
            Assert.Equal(["t1:*", "shared"], key.Partitions!);
            Assert.InRange(key.ExpiresAt!.Value, DateTime.UtcNow.AddDays(89), DateTime.UtcNow.AddDays(91));
        }
        var listed = (await cluster.RunAsync("keys", "list", "--all", "-o", "json")).Succeeds();
        Assert.DoesNotContain(secret, listed.Out, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToHexString(hash), listed.Out, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Convert.ToBase64String(hash), listed.Out, StringComparison.Ordinal);
        var line = Assert.Single(listed.Json.GetProperty("keys").EnumerateArray());
        Assert.Equal(("shop of t1", "active"), (line.GetProperty("name").GetString(), line.GetProperty("state").GetString()));
        Assert.Equal(JsonValueKind.Null, line.GetProperty("lastUsedAt").ValueKind);
        (await cluster.RunAsync("keys", "list")).Succeeds("shop of t1", "t1:* shared", "items:read items:write");
    }

    [Fact]
    public async Task Without_options_a_key_reads_and_writes_everywhere_and_never_ends()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);

        var created = (await cluster.RunAsync("keys", "create", "--name", "n")).Succeeds();

        Assert.True(ApiKeyText.TryParse(created.Out.Trim(), out _, out _), created.Out); // nothing else on stdout: KEY=$(…) works
        Assert.Contains("items:read, items:write in all collections and all partitions", created.Error, StringComparison.Ordinal);
        Assert.Null(Assert.Single((await RowsAsync(cluster))[0]).ExpiresAt);
    }

    [Fact]
    public async Task A_key_that_a_shard_did_not_take_is_shown_to_nobody()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await HideAsync(cluster, 2);
        var failed = await cluster.RunAsync("keys", "create", "--name", "n", "-o", "json");
        Assert.Equal(ExitCode.CannotReach, failed.Exit);
        Assert.Empty(failed.Out);
        await HideAsync(cluster, 2, hidden: false);
        Assert.All(await RowsAsync(cluster), Assert.Empty); // all must answer before anything is written
    }

    [Fact]
    public async Task A_crash_between_writing_and_showing_leaves_a_key_that_is_listed_and_can_be_revoked()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);

        var crashed = (await cluster.RunAsync("key-written", ["keys", "create", "--name", "lost"])).Fails(ExitCode.Failed, "whose secret nobody knows");
        Assert.Empty(crashed.Out);

        var id = (await cluster.RunAsync("keys", "list", "-o", "json")).Succeeds().Json.GetProperty("keys")[0].GetProperty("id").GetString()!;
        (await cluster.RunAsync("keys", "revoke", id)).Succeeds("revoked in all 2 shards");
        (await cluster.RunAsync("keys", "list")).Succeeds("no API key that works");
    }

    [Theory]
    [InlineData("--name", "")]
    [InlineData("--name", "n", "--scopes", "items:delete")]
    [InlineData("--name", "n", "--scopes", "")]
    [InlineData("--name", "n", "--collections", "Upper")]
    [InlineData("--name", "n", "--partitions", "*:x")]
    [InlineData("--name", "n", "--expires", "2020-01-01")]
    [InlineData("--name", "n", "--expires", "soon")]
    [InlineData("--scopes", "bulk")]
    public async Task What_makes_no_sense_is_refused_before_anything_is_done(params string[] arguments)
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);

        (await cluster.RunAsync(["keys", "create", .. arguments])).Fails(ExitCode.Usage, "Nothing was changed");
    }

    [Fact]
    public async Task A_key_is_named_by_a_beginning_that_no_other_has_and_never_by_its_text()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        var hash = new byte[ApiKeyText.HashBytes];
        foreach (var id in new[] { "AAAAAAAAAAAAAAA1", "AAAAAAAAAAAAAAA2", "BAAAAAAAAAAAAAAA" })
            await ApiKeyStore.MergeAsync(cluster.Database(1).DataSource, [new ApiKey(id, id, hash, [], null, null, DateTime.UtcNow, null, null, null)], default);

        (await cluster.RunAsync("keys", "revoke", "AAAA")).Fails(ExitCode.Conflict, "2 API keys begin with AAAA", "AAAAAAAAAAAAAAA1");
        (await cluster.RunAsync("keys", "revoke", "C")).Fails(ExitCode.NotFound, "no API key C");
        (await cluster.RunAsync("keys", "revoke", ApiKeyText.Create().Text)).Fails(ExitCode.Usage, "only the id");
        (await cluster.RunAsync("keys", "revoke", "B")).Succeeds("BAAAAAAAAAAAAAAA");
        (await cluster.RunAsync("keys", "revoke", "B")).Succeeds("was revoked at");
        var all = (await cluster.RunAsync("keys", "list", "--all", "-o", "json")).Succeeds().Json.GetProperty("keys").EnumerateArray();
        Assert.Equal(["active", "active", "revoked"], all.Select(key => key.GetProperty("state").GetString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Revoking_takes_the_shards_that_answer_and_says_what_is_left_to_do()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var id = await CreateAsync(cluster);
        await HideAsync(cluster, 2);

        (await cluster.RunAsync("keys", "revoke", id)).Fails(ExitCode.CannotReach, "revoked in 1 of 2 shards", "refuses the key within 5 s", $"shardadmin keys revoke {id}");
        (await cluster.RunAsync("keys", "list", "--all", "-o", "json")).Succeeds("\"revoked\"");

        await HideAsync(cluster, 2, hidden: false);
        (await cluster.RunAsync("keys", "revoke", id)).Succeeds("all 2 shards know it");
        Assert.All(await RowsAsync(cluster), rows => Assert.NotNull(Assert.Single(rows).RevokedAt));
    }

    [Fact]
    public async Task Rotating_makes_a_key_of_the_same_rights_and_the_old_one_ends_after_the_grace()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var first = (await cluster.RunAsync("keys", "create", "--name", "shop", "--scopes", "bulk", "--collections", "a", "--partitions", "t1:*", "--expires", "10d", "-o", "json")).Succeeds().Json;
        var id = first.GetProperty("id").GetString()!;

        var rotated = (await cluster.RunAsync("keys", "rotate", id, "--grace", "2h", "-o", "json")).Succeeds().Json;

        Assert.NotEqual(first.GetProperty("key").GetString(), rotated.GetProperty("key").GetString());
        foreach (var rows in await RowsAsync(cluster))
        {
            var (old, renewed) = (rows.Single(key => key.Id == id), rows.Single(key => key.Id != id));
            Assert.True((old with { Id = renewed.Id, SecretHash = renewed.SecretHash, CreatedAt = renewed.CreatedAt }).HasSameRights(renewed));
            Assert.InRange(old.ExpiresAt!.Value, DateTime.UtcNow.AddHours(1.9), DateTime.UtcNow.AddHours(2.1));
            Assert.InRange(renewed.ExpiresAt!.Value, DateTime.UtcNow.AddDays(9.9), DateTime.UtcNow.AddDays(10.1));
        }
        var successor = rotated.GetProperty("id").GetString()!;
        (await cluster.RunAsync("keys", "rotate", id, "--grace", "0s")).Fails(ExitCode.Precondition, $"shardadmin keys rotate {successor}", "--expires TIME");
        (await cluster.RunAsync("keys", "rotate", id, "--grace", "0s", "--expires", "5d")).Succeeds();
        (await cluster.RunAsync("keys", "rotate", id)).Fails(ExitCode.Precondition, "is expired");
        (await cluster.RunAsync("keys", "rotate", id, "--grace", "-1h")).Fails(ExitCode.Usage);
    }

    [Fact]
    public async Task A_longer_grace_does_not_lengthen_the_old_keys_life()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        var id = (await cluster.RunAsync("keys", "create", "--name", "n", "--expires", "1h", "-o", "json")).Succeeds().Json.GetProperty("id").GetString()!;
        var end = Assert.Single((await RowsAsync(cluster))[0]).ExpiresAt;

        (await cluster.RunAsync("keys", "rotate", id, "--grace", "7d")).Succeeds();

        Assert.Equal(end, (await RowsAsync(cluster))[0].Single(key => key.Id == id).ExpiresAt);
    }

    [Fact]
    public async Task Without_a_shard_there_is_nowhere_to_keep_a_key()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        (await cluster.RunAsync("keys", "create", "--name", "n")).Fails(ExitCode.NotFound, "shardadmin init");
        (await cluster.RunAsync("init")).Succeeds();
        (await cluster.RunAsync("keys", "create", "--name", "n")).Fails(ExitCode.Precondition, "add-shard");
    }

    [Fact]
    public async Task Help_teaches_with_examples()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        (await cluster.RunAsync("keys", "--help")).Succeeds("rotate", "revoke", "sync", "shardadmin keys create --name shop");
        foreach (var command in new[] { "create", "list", "revoke", "rotate", "sync" })
            (await cluster.RunAsync("keys", command, "--help")).Succeeds("Examples:", $"shardadmin keys {command}");
    }

    private static (string Id, string Secret, byte[] Hash) Read(string text)
    {
        Assert.True(ApiKeyText.TryParse(text, out var id, out var secret), text);
        var hash = new byte[ApiKeyText.HashBytes];
        ApiKeyText.Hash(secret, hash);
        return (id.ToString(), secret.ToString(), hash);
    }

    internal static async Task<string> CreateAsync(AdminCluster cluster) =>
        (await cluster.RunAsync("keys", "create", "--name", "n", "-o", "json")).Succeeds().Json.GetProperty("id").GetString()!;

    internal static async Task<IReadOnlyList<IReadOnlyList<ApiKey>>> RowsAsync(AdminCluster cluster)
    {
        var all = new List<IReadOnlyList<ApiKey>>();
        for (var number = 1; number <= cluster.Databases; number++)
            all.Add(await ReadAsync(cluster, number));
        return all;
    }

    internal static Task<IReadOnlyList<ApiKey>> ReadAsync(AdminCluster cluster, int number) =>
        ApiKeyStore.ListAsync((ShardDatabase)cluster.Database(number).DataSource, default);

    /// <summary>As if the shard were gone: its database has another name for a while.</summary>
    private async Task HideAsync(AdminCluster cluster, int number, bool hidden = true)
    {
        var name = cluster.Database(number).Name;
        var server = await postgres.ServerAsync();
        await server.ExecuteAsync($"select pg_terminate_backend(pid) from pg_stat_activity where datname in ('{name}', '{name}_hidden')");
        await server.ExecuteAsync(hidden ? $"alter database {name} rename to {name}_hidden" : $"alter database {name}_hidden rename to {name}");
        cluster.Database(number).DataSource.Clear();
    }
}
