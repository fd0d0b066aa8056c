using LoadTests.Chaos.Faults;
using LoadTests.Chaos.Workloads;

namespace LoadTests.Chaos.Cluster;

/// <summary>A cluster before the first fault and after the last one.</summary>
internal sealed class ClusterRest(ChaosCluster cluster, ChaosLog log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Collections, and weights of which a step is a small part.</summary>
    public async Task PrepareAsync(CancellationToken cancellation)
    {
        foreach (var collection in WorkloadSet.Collections)
            await RequireAsync(cancellation, "collections", "create", collection);
        await RequireAsync(cancellation, ["rebalance", .. ChaosCluster.FirstShards.SelectMany(shard => new[] { "--weight", $"{shard}=100" }), "--yes"]);
    }

    /// <summary>Every part runs, the ring is there, and no move is unfinished.</summary>
    /// <returns>What would not end well in all the time that it had.</returns>
    public async Task<IReadOnlyList<string>> SettleAsync(CancellationToken cancellation)
    {
        foreach (var part in (string[])["redis", .. ChaosCluster.Shards, .. Enumerable.Range(1, ChaosCluster.Routers).Select(number => $"r{number}"), "proxy"])
            if (cluster.ProcessOf(part) is null)
                await cluster.StartPartAsync(part, cancellation);
        var stage = new ChaosStage(cluster, log, () => []);
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
        {
            // Both each time: resuming needs a ring, and a ring may need what resuming brings to its end.
            var rebuilt = await stage.AdminAsync(cancellation, "ring", "rebuild", "--yes");
            var resumed = await stage.AdminAsync(cancellation, "ops", "resume");
            if (rebuilt.IsDone && resumed.ExitCode == AdminResult.NotFound)
                return [];
            if (clock.Elapsed > Patience)
                return [$"not settled after {Patience.TotalMinutes} minutes: {rebuilt}\n{resumed}"];
        }
    }

    private async Task RequireAsync(CancellationToken cancellation, params string[] arguments)
    {
        if (await cluster.AdminAsync(cancellation, arguments) is { IsDone: false } failed)
            throw new InvalidOperationException(failed.ToString());
    }
}
