using ShardAdmin.Auditing;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.Roles;

/// <summary>What the audit log says of commands and of what they change.</summary>
public sealed class AuditTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly DateTime Noon = new(2027, 1, 1, 12, 0, 0, DateTimeKind.Utc);

    [Fact]
    public async Task A_command_is_there_with_who_when_and_how_it_ended_also_after_Redis_lost_everything()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        (await cluster.RunAsync("collections", "create", "orders")).Succeeds();
        (await cluster.RunAsync("collections", "delete", "nothing", "--yes")).Fails(ExitCode.NotFound);
        await cluster.ForgetRingAsync();
        (await cluster.RunAsync("ring", "rebuild", "--seed", cluster.Database(1).Address, "--yes")).Succeeds();

        var entries = await EntriesAsync(cluster);

        Assert.Contains(entries, e => e is { What: "shardadmin collections create orders", Result: null, Shards: "s1 s2" });
        Assert.Contains(entries, e => e is { What: "shardadmin collections create orders", Result: "ok", Shards: "s1 s2" });
        Assert.Contains(entries, e => e is { What: "collection orders is created", Result: "done", Shards: "s1 s2" });
        Assert.Contains(entries, e => e.What == "shardadmin collections delete nothing --yes" && e.Result?.StartsWith("exit 3: ", StringComparison.Ordinal) == true);
        Assert.Contains(entries, e => e.What.StartsWith("shardadmin ring rebuild", StringComparison.Ordinal) && e.Result == "ok");
        var entry = (await cluster.RunAsync("audit", "-o", "json")).Succeeds().Json.GetProperty("entries")[0];
        Assert.Equal(AdminSession.Who, entry.GetProperty("who").GetString());
        Assert.Equal(PostgresServer.Superuser, entry.GetProperty("role").GetString());
    }

    [Fact]
    public async Task Keys_are_there_by_their_id_and_without_their_secret()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var key = (await cluster.RunAsync("keys", "create", "--name", "shop", "-o", "json")).Succeeds().Json.GetProperty("key").GetString()!;
        var id = key.Split('_')[1];
        (await cluster.RunAsync("keys", "revoke", id)).Succeeds();

        var entries = await EntriesAsync(cluster);

        Assert.Contains(entries, e => e.What.StartsWith($"API key {id} is made: shop", StringComparison.Ordinal));
        Assert.Contains(entries, e => e.What == $"API key {id} is revoked");
        Assert.DoesNotContain(entries, e => e.What.Contains(key.Split('_')[2], StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_move_is_there_from_its_plan_to_its_end()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        (await cluster.RunAsync("move", "0-9", "--to", "s2", "--yes")).Succeeds();

        var entries = await EntriesAsync(cluster);

        foreach (var step in new[] { "is planned", "begins", "is released at epoch", "is owned by the target", ": ends" })
            Assert.Contains(entries, e => e.What.Contains("10 slots to s2", StringComparison.Ordinal) && e.What.Contains(step, StringComparison.Ordinal));
        Assert.Contains(entries, e => e.What == "shardadmin move 0-9 --to s2 --yes" && e.Result == "ok");
    }

    [Theory]
    [InlineData("--redis 10.0.0.1:6379,password=hunter2,ssl=true", "--redis 10.0.0.1:6379,password=…,ssl=true")]
    [InlineData("Host=h;Password=hunter2;Port=1", "Host=h;Password=…;Port=1")]
    [InlineData("postgres://me:hunter2@10.0.0.1/app", "postgres://me:…@10.0.0.1/app")]
    [InlineData("shk_7hQm2KxWc0aZ81pR_hunter2hunter2", "shk_7hQm2KxWc0aZ81pR_…")]
    [InlineData("keys create --name shop", "keys create --name shop")]
    public void Secrets_are_taken_out_of_what_was_typed(string typed, string told) => Assert.Equal(told, Output.HiddenSecrets.In(typed));

    [Fact]
    public void What_several_shards_noted_is_one_entry_and_what_happened_again_is_another()
    {
        var row = new AuditEntry.Row(Noon, "sharding_mover", "me@here", "shardadmin migrate", "ok");

        var merged = AuditEntry.Merge([
            ("s2", row with { At = Noon.AddSeconds(1) }), ("s1", row), ("s1", row with { At = Noon.AddSeconds(9) }),
            ("s2", row with { At = Noon.AddSeconds(8) }), ("s1", row with { Who = "you@here" })]);

        Assert.Equal("s1 s2 | s1 | s2 s1", string.Join(" | ", merged.Select(entry => string.Join(' ', entry.Shards))));
    }

    [Fact]
    public async Task Entries_go_after_400_days()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.Database(1).ExecuteAsync("update sharding.audit set at = now() - interval '401 days'");
        (await cluster.RunAsync("collections", "create", "orders")).Succeeds();

        Assert.DoesNotContain(await EntriesAsync(cluster), e => e.What.StartsWith("shardadmin init", StringComparison.Ordinal));
    }

    private static async Task<List<(string What, string? Result, string Shards)>> EntriesAsync(AdminCluster cluster) =>
        [.. (await cluster.RunAsync("audit", "-o", "json")).Succeeds().Json.GetProperty("entries").EnumerateArray().Select(entry => (
            entry.GetProperty("what").GetString()!, entry.TryGetProperty("result", out var result) ? result.GetString() : null,
            string.Join(' ', entry.GetProperty("shards").EnumerateArray().Select(shard => shard.GetString()).Order(StringComparer.Ordinal))))];
}
