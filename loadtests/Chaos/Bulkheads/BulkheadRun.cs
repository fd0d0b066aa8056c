using Chaos.Cluster;

namespace Chaos.Bulkheads;

/// <summary>Runs only the trials of <see cref="BulkheadTrial"/>, on a separate cluster.</summary>
internal sealed class BulkheadRun(ChaosOptions options, ChaosLog log)
{
    /// <returns>True: no problem was found.</returns>
    public async Task<bool> RunAsync(CancellationToken interrupt)
    {
        log.Write($"Starting a cluster of 3 shards, a spare one and {ChaosCluster.Routers} routers in {options.Cluster}");
        await using var cluster = await ChaosCluster.StartAsync(options.Cluster, options.Logs, options.Build, interrupt);
        await new ClusterRest(cluster, log).CreateCollectionsAsync(interrupt);
        var problems = await new BulkheadTrial(cluster, log).RunAsync(interrupt);
        foreach (var problem in problems)
            log.Write(problem);
        log.Write(problems.Count == 0 ? "The other shards answered in every second." : "FAILED");
        return problems.Count == 0;
    }
}
