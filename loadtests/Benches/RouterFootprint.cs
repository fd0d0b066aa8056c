using LoadTests.Cluster;

namespace LoadTests.Benches;

/// <summary>How long a router takes to be ready, in a cluster that runs.</summary>
internal static class RouterFootprint
{
    public const int Starts = 5;
    public const double MaxStartMs = 1000;
    public const double MaxResidentMiB = 150;

    /// <summary>From the start of the process to the first 200 of /health/ready, for each of <see cref="Starts"/> starts.</summary>
    public static async Task<IReadOnlyList<TimeSpan>> StartToReadyAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        var times = new List<TimeSpan>(Starts);
        for (var i = 0; i < Starts; i++)
        {
            var (router, _, time) = await RouterProcess.StartAsync(cluster, BenchCluster.RouterProgram, null, cancellation);
            await router.DisposeAsync();
            times.Add(time);
        }
        return times;
    }
}
