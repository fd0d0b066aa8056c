using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Http;

namespace LoadTests.Benches.Scaling;

/// <summary>The cluster with one of the numbers, beside those with the others, and what was measured in it so far.</summary>
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

    public LoadScenario Scenario { get; }

    public List<LoadResult> Results { get; } = [];

    public static async Task<ScaledCluster> StartAsync(ScaledPart part, int count, BenchPlace place, CancellationToken cancellation) =>
        new(part, count, await part.StartAsync(count, place, cancellation));

    /// <summary>Until <see cref="LetGo"/>. Not before it is compiled and connected: with a small share of a core that alone would take a minute.</summary>
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
