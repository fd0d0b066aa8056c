using Chaos.Cluster;
using Chaos.Failover;

namespace Chaos.Faults;

/// <summary>The cluster and the tools that steps use.</summary>
/// <param name="ActiveKeys">Returns the partition keys that clients write now.</param>
internal sealed record ChaosStage(ChaosCluster Cluster, ChaosLog Log, Func<IReadOnlyList<string>> ActiveKeys)
{
    /// <summary>Null: no shard has a standby.</summary>
    public StandbySet? Standbys { get; init; }

    /// <summary>Null: shards have one server each.</summary>
    public FailoverTrial? Failover { get; init; }

    private static readonly TimeSpan RebuildPatience = TimeSpan.FromSeconds(60);

    /// <summary>Runs shardadmin to its end and counts the result.</summary>
    public async Task<AdminResult> AdminAsync(CancellationToken cancellation, params string[] arguments)
    {
        using var process = Cluster.Admin(null, arguments);
        return await EndOfAsync(process, cancellation);
    }

    public async Task<AdminResult> EndOfAsync(AdminProcess process, CancellationToken cancellation)
    {
        var result = await process.WaitAsync(cancellation);
        Log.Count($"shardadmin exit {result.ExitCode}");
        if (result.ExitCode == 1) // all errors that have no exit code of their own
            Log.Tell("admin", $"{result.Command.Split(' ')[0]}: {result.Error}");
        if (result.IsUnexpected)
            Log.Surprise(result.ToString());
        return result;
    }

    /// <summary>Rebuilds the ring from the shards; it tries until every shard answers.</summary>
    public async Task RebuildRingAsync(CancellationToken cancellation)
    {
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); ; await Task.Delay(500, cancellation))
        {
            var result = await AdminAsync(cancellation, "ring", "rebuild", "--yes");
            if (result.IsDone)
                return;
            if (clock.Elapsed > RebuildPatience)
            {
                Log.Tell("ring", $"not rebuilt yet: {result}");
                return;
            }
        }
    }
}
