using System.Globalization;
using LoadTests.Cluster;

namespace LoadTests.Benches.Quick;

/// <summary>
/// Measures the needs of a router. Each figure is compared with another one from the same machine at the same time. Only memory is compared
/// with its limit, because it does not depend on the load of the machine.
/// </summary>
internal static class QuickFootprint
{
    private const int Starts = 3;
    private const int Rounds = 3;

    public static async Task<IReadOnlyList<QuickRatio>> MeasureAsync(BenchRun run, BenchCluster cluster, CancellationToken cancellation)
    {
        var resident = ResidentMemory.OfProcessMiB(cluster.Router.ProcessId);
        var start = await StartRatioAsync(cluster.Status, cancellation);
        var ring = new RingFootprint();
        run.Report.Progress(string.Create(CultureInfo.InvariantCulture, $"resident {resident:0} MiB, {Starts} starts, a ring of 1,000 shards"));
        return
        [
            new("footprint resident, times its limit", resident / RouterFootprint.MaxResidentMiB, LessIsBetter: true),
            new("footprint start to ready, times a bare Kestrel's", start, LessIsBetter: true),
            new("footprint ring swap, times only parsing its JSON", Median(() => ring.MeasureSwap() / ring.MeasureParsing()), LessIsBetter: true),
            new("footprint ring lookup, times a dictionary's", Median(() => ring.MeasureLookup() / ring.MeasureDictionaryLookup()), LessIsBetter: true),
        ];
    }

    /// <summary>Both values of a ratio are measured in turn, because the load by other programs changes.</summary>
    private static double Median(Func<double> ratio) => Standing.Median(Enumerable.Range(0, Rounds).Select(_ => ratio()));

    private static async Task<double> StartRatioAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        var ratios = new List<double>(Starts);
        for (var i = 0; i < Starts; i++)
        {
            var (kestrel, _, reference) = await BareKestrel.StartAsync(cancellation);
            await kestrel.DisposeAsync();
            var (router, _, time) = await RouterProcess.StartAsync(cluster, BenchCluster.RouterProgram, null, cancellation);
            await router.DisposeAsync();
            ratios.Add(time / reference);
        }
        return Standing.Median(ratios);
    }
}
