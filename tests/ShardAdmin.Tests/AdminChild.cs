using TestCluster;

namespace ShardAdmin.Tests;

/// <summary>The program as people start it, in a process of its own that can be killed, stopped and signalled.</summary>
internal static class AdminChild
{
    public static string Program { get; } = TestedProgram.Find("TESTED_ADMIN", typeof(ShardAdminApp).Assembly.Location);

    /// <param name="failpoint">step:kill, step:pause or step:error.</param>
    /// <param name="user">At the shards; null: the superuser.</param>
    /// <param name="owner">Who builds indexes; null: the same.</param>
    public static ChildProcess Start(
        AdminCluster cluster, string[] arguments, string? failpoint = null, string? user = null, string? owner = null) =>
        ChildProcess.Start(
        RequiredProgram.TryFind("dotnet") ?? "dotnet", [Program, .. arguments],
        environment: new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["SHARDING_REDIS"] = cluster.Redis,
            ["SHARDING_CLUSTER"] = cluster.Name,
            ["SHARDING_FAILPOINT"] = failpoint ?? "",
            ["SHARDING_OWNER_USER"] = owner ?? "",
            ["PGUSER"] = user ?? Environment.GetEnvironmentVariable("PGUSER"),
        });
}
