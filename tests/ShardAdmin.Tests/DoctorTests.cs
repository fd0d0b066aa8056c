using System.Text.Json;
using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests;

/// <summary>What doctor says when something is not as it should be.</summary>
public sealed class DoctorTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static TheoryData<string, string> RowSecurity => new()
    {
        { "item", "alter table sharding.item force row level security" },
        { "item", "alter table sharding.item enable row level security" },
        { "item", "alter table sharding.item enable row level security, force row level security" },
        { "slot_ownership", "alter table sharding.slot_ownership force row level security" },
        { "cluster", "alter table sharding.cluster enable row level security" },
        { "collection", "alter table sharding.collection force row level security" },
        { "move", "alter table sharding.move enable row level security" },
        { "item", "create policy mine on sharding.item using (pk = current_user)" },
    };

    [Theory]
    [MemberData(nameof(RowSecurity))]
    public async Task Row_security_on_a_table_of_the_product_is_drift_and_is_named(string table, string change)
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.Database(2).ExecuteAsync(change);

        var schema = Check(await cluster.RunAsync("doctor", "-o", "json"), "schema");

        Assert.Equal("failed", schema.GetProperty("level").GetString());
        Assert.Contains($" on {table} (added)", schema.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Contains("s2: ", schema.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Precondition, (await cluster.RunAsync("migrate", "--dry-run")).Exit);
    }

    /// <summary>A superuser is not kept from anything. The owner of the tables is, by forced row security.</summary>
    [Theory]
    [InlineData("item")]
    [InlineData("slot_ownership")]
    [InlineData("cluster")]
    [InlineData("collection")]
    [InlineData("move")]
    public async Task Doctor_tells_it_also_to_a_user_who_cannot_read_the_table_then(string table)
    {
        const string owner = "owner_of_shards";
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 2);
        var server = await postgres.ServerAsync();
        await server.ExecuteAsync($"do $$ begin create role {owner} login replication; exception when duplicate_object or unique_violation then null; end $$");
        for (var number = 1; number <= 2; number++)
            await server.ExecuteAsync($"alter database {cluster.Database(number).Name} owner to {owner}");
        Assert.Equal(0, (await RunAsUserAsync(cluster, cluster.InitArguments(2), owner)).ExitCode);
        await cluster.Database(2).ExecuteAsync($"alter table sharding.{table} enable row level security, force row level security");

        var (exitCode, output) = await RunAsUserAsync(cluster, ["doctor"], owner);

        Assert.True(exitCode == (int)ExitCode.Precondition, output);
        Assert.Contains($"row security on {table} (added)", output, StringComparison.Ordinal);
        Assert.DoesNotContain("error:", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_well_is_said_only_of_the_shards_that_answered()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var dying = await server.CreateDatabaseAsync();
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 1);
        (await cluster.RunAsync("init", "--shard", $"s1={cluster.Database(1).Address}", "--shard", $"s2={dying.Address}")).Succeeds();
        await server.KillAsync();

        var checks = (await cluster.RunAsync("doctor", "-o", "json")).Exits(ExitCode.CannotReach).Json.GetProperty("checks").EnumerateArray().ToArray();

        var ofShards = checks.SkipWhile(check => check.GetProperty("check").GetString() != "shard-identity").ToArray();
        Assert.NotEmpty(ofShards);
        Assert.All(
            ofShards.Where(check => check.GetProperty("level").GetString() == "ok"),
            check => Assert.EndsWith("Not checked: s2.", check.GetProperty("detail").GetString(), StringComparison.Ordinal));
        Assert.All(checks, check => Assert.DoesNotContain("everywhere", check.GetProperty("detail").GetString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Old_copies_of_the_shard_list_are_mended_by_the_operation_that_is_open_or_by_a_rebuild()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync("moves-planned", cluster.AddArguments(2))).Fails(ExitCode.Failed);
        await cluster.Database(1).ExecuteAsync("update sharding.cluster set ring_epoch = ring_epoch - 1");
        var id = (await cluster.RunAsync("ops", "list", "-o", "json")).Succeeds().Json.GetProperty("operations")[0].GetProperty("id").GetString();

        var doctor = await cluster.RunAsync("doctor", "-o", "json");
        Assert.Equal($"shardadmin ops resume {id}", Check(doctor, "shard-list-copies").GetProperty("mend").GetString());
        Assert.StartsWith($"shardadmin ops resume {id}", Check(doctor, "moves").GetProperty("mend").GetString(), StringComparison.Ordinal);

        (await cluster.RunAsync("ops", "cancel", id!)).Succeeds();
        Assert.Equal("shardadmin ring rebuild", Check(await cluster.RunAsync("doctor", "-o", "json"), "shard-list-copies").GetProperty("mend").GetString());
    }

    [Fact]
    public async Task Shards_without_a_standby_are_told_in_one_sentence()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);

        Assert.Equal(
            "No standby: s1, s2. What no backup has is lost with the server.", Check(await cluster.RunAsync("doctor", "-o", "json"), "standbys").GetProperty("detail").GetString());
    }

    private static JsonElement Check(AdminRun doctor, string check) =>
        doctor.Json.GetProperty("checks").EnumerateArray().Single(each => each.GetProperty("check").GetString() == check);

    private static async Task<(int ExitCode, string Output)> RunAsUserAsync(AdminCluster cluster, string[] arguments, string user)
    {
        await using var process = AdminChild.Start(cluster, arguments, user: user);
        await process.WaitForExitAsync(Limit);
        return (process.ExitCode, process.Output);
    }
}
