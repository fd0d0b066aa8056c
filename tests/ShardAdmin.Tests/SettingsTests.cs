using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests;

/// <summary>What somebody has set at a shard for its database or a role, as status and doctor tell it.</summary>
public sealed class SettingsTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_database_that_is_set_to_read_only_is_told_and_shardadmin_works_on_it_all_the_same()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.Database(2).ExecuteAsync($"alter database {cluster.Database(2).Name} set default_transaction_read_only = on");

        var status = await cluster.RunAsync("status", "-o", "json");
        Assert.Contains(status.Json.GetProperty("reasons").EnumerateArray(), reason => reason.GetString()!.StartsWith("Shard s2: it is set to read-only", StringComparison.Ordinal));
        var doctor = await cluster.RunAsync("doctor", "-o", "json");
        Assert.Equal(ExitCode.Precondition, doctor.Exit);
        Assert.Contains("default_transaction_read_only = on (of the database)", Finding(doctor, "read-only", "failed"), StringComparison.Ordinal);
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();

        await cluster.Database(2).ExecuteAsync($"alter database {cluster.Database(2).Name} reset default_transaction_read_only");
        Finding(await cluster.RunAsync("doctor", "-o", "json"), "read-only", "ok");
    }

    [Theory]
    [InlineData("synchronous_commit = off", "durability")]
    [InlineData("idle_in_transaction_session_timeout = '3s'", "session-settings")]
    [InlineData("statement_timeout = '3s'", "session-settings")]
    [InlineData("idle_session_timeout = '3s'", "session-settings")]
    [InlineData("default_transaction_isolation = 'serializable'", "session-settings")]
    [InlineData("row_security = off", "session-settings")]
    public async Task A_setting_of_the_database_is_told_as_a_warning(string setting, string check)
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        var before = Finding(await cluster.RunAsync("doctor", "-o", "json"), "session-settings", "ok");
        await cluster.Database(1).ExecuteAsync($"alter database {cluster.Database(1).Name} set {setting}");

        var told = Finding((await cluster.RunAsync("doctor", "-o", "json")).Succeeds(), check, "warning");

        Assert.Contains("(of the database)", told, StringComparison.Ordinal);
        Assert.Contains(setting.Split(' ')[0], told, StringComparison.Ordinal);
        Assert.DoesNotContain(setting.Split(' ')[0], before, StringComparison.Ordinal);
    }

    /// <summary>Routers may connect as another role than shardadmin does.</summary>
    [Fact]
    public async Task A_setting_of_another_role_is_told_with_its_name()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        var role = $"router_{Guid.NewGuid():N}";
        await cluster.Database(1).ExecuteAsync($"create role {role} login");
        await cluster.Database(1).ExecuteAsync($"alter role {role} in database {cluster.Database(1).Name} set default_transaction_read_only = on");

        Assert.Contains($"of the role {role}", Finding(await cluster.RunAsync("doctor", "-o", "json"), "read-only", "failed"), StringComparison.Ordinal);
    }

    private static string Finding(AdminRun doctor, string check, string level)
    {
        var finding = doctor.Json.GetProperty("checks").EnumerateArray().Single(each => each.GetProperty("check").GetString() == check);
        Assert.Equal(level, finding.GetProperty("level").GetString());
        return finding.GetProperty("detail").GetString()!;
    }
}
