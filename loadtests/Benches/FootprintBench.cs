using LoadTests.Cluster;
using LoadTests.Http;

namespace LoadTests.Benches;

/// <summary>Measures the needs of a router: its start time, its memory after a GET load, and the cost of a large ring.</summary>
internal sealed class FootprintBench : IBench
{
    public string Name => "footprint";

    public string Description => "a router's start to ready and memory after get; swap and look-up in a ring of 1,000 shards";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        IReadOnlyList<TimeSpan> starts;
        double resident;
        await using (var cluster = await BenchCluster.StartAsync(routers: 1, cancellation))
        {
            starts = await RouterFootprint.StartToReadyAsync(cluster.Status, cancellation);
            await run.CompareAsync("GET of single items", null, cancellation, run.Router(cluster.Router, RequestMix.Gets));
            resident = ResidentMemory.OfProcessMiB(cluster.Router.ProcessId);
        }
        run.Report.Starts(starts);
        run.Report.AtMost("footprint resident after get", resident, RouterFootprint.MaxResidentMiB, "MiB");
        var ring = new RingFootprint();
        run.Report.AtMost("footprint ring swap, 1,000 shards", ring.MeasureSwap().TotalMilliseconds, RingFootprint.MaxSwapMs, "ms");
        run.Report.AtMost("footprint ring lookup, 1,000 shards", ring.MeasureLookup(), RingFootprint.MaxLookupNs, "ns");
    }
}
