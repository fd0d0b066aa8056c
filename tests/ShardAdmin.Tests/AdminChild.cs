using TestCluster;

namespace ShardAdmin.Tests;

/// <summary>The program as people start it, in a process of its own that can be killed, stopped and signalled.</summary>
internal static class AdminChild
{
    /// <param name="failpoint">step:kill, step:pause or step:error.</param>
    public static ChildProcess Start(AdminCluster cluster, string[] arguments, string? failpoint = null) => ChildProcess.Start(
        RequiredProgram.TryFind("dotnet") ?? "dotnet", [typeof(ShardAdminApp).Assembly.Location, .. arguments],
        environment: new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["SHARDING_REDIS"] = cluster.Redis,
            ["SHARDING_CLUSTER"] = cluster.Name,
            ["SHARDING_FAILPOINT"] = failpoint ?? "",
        });
}
