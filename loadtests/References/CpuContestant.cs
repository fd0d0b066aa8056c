using LoadTests.Cluster;
using LoadTests.Engine;

namespace LoadTests.References;

/// <summary>Measures another contestant, and the CPU time of its servers for each operation.</summary>
/// <param name="routers">The routers' processes; empty: there is no router.</param>
/// <param name="shards">The shards' postmasters; empty: their CPU time is not measured.</param>
internal sealed class CpuContestant(IContestant measured, IReadOnlyList<int> routers, IReadOnlyList<int> shards) : IContestant
{
    public string Name => measured.Name;

    public async Task<LoadResult> RunAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var ofRouters = ServerCpu.MeasureAsync(routers, warmUp, duration, end.Token);
        var ofShards = ServerCpu.MeasureAsync(shards, warmUp, duration, end.Token);
        try
        {
            var result = await measured.RunAsync(warmUp, duration, cancellation);
            var operations = result.PerSecond * duration.TotalSeconds;
            return result with
            {
                RouterCpu = routers.Count == 0 ? null : await ofRouters / operations,
                ShardCpu = shards.Count == 0 ? null : await ofShards / operations,
            };
        }
        finally
        {
            await end.CancelAsync();
            await ((Task)Task.WhenAll(ofRouters, ofShards)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
