using LoadTests.Cluster;

namespace LoadTests.Benches;

/// <summary>Measures how long a router needs until it is ready, in a running cluster.</summary>
internal static class RouterFootprint
{
    public const int Starts = 5;
    public const double MaxStartMs = 1000;
    public const double MaxResidentMiB = 150;

    /// <summary>The times from the start of the process to the first 200 of /health/ready, of <see cref="Starts"/> starts.</summary>
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
