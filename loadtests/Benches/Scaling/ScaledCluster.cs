using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Http;

namespace LoadTests.Benches.Scaling;

/// <summary>A cluster with one of the numbers of shards or routers, and the results that were measured in it.</summary>
internal sealed class ScaledCluster : IAsyncDisposable
{
    private readonly BenchCluster _cluster;
    private readonly List<CpuQuota> _quotas = [];

    private ScaledCluster(ScaledPart part, int count, BenchCluster cluster)
    {
        (Count, _cluster) = (count, cluster);
        Scenario = HttpSession.Scenario(part.Part, part.Target(cluster.Status), RequestMix.Mixed);
    }

    public int Count { get; }

    public ClusterStatus Status => _cluster.Status;

    public LoadScenario Scenario { get; }

    public List<LoadResult> Results { get; } = [];

    public static async Task<ScaledCluster> StartAsync(ScaledPart part, int count, BenchPlace place, CancellationToken cancellation) =>
        new(part, count, await part.StartAsync(count, place, cancellation));

    /// <summary>
    /// Limits the CPU until <see cref="LetGo"/>. Call it only when the code is compiled and connections are open: with a small share of a
    /// core these alone would take a minute.
    /// </summary>
    public void Hold(ScaledPart part, double cores)
    {
        foreach (var process in part.Processes(_cluster.Status))
        {
            _quotas.Add(CpuQuota.Create(FormattableString.Invariant($"{part.Part}{_quotas.Count + 1}-of-{Count}"), cores));
            _quotas[^1].Hold(process);
        }
    }

    public void LetGo()
    {
        foreach (var quota in _quotas)
            quota.Dispose();
        _quotas.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        LetGo();
        await _cluster.DisposeAsync();
    }
}
