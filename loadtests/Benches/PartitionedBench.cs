using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Http;
using LoadTests.Reports;

namespace LoadTests.Benches;

/// <summary>
/// What partitioning brings: 1, 2, 4 and 8 databases, each held to the same share of a core, under the same load for each
/// database, beside the one that holds everything. Open loop: latency counts from the planned start.
/// </summary>
internal sealed class PartitionedBench : IBench
{
    private const int Users = 256;
    private const double CoresOfAShard = 0.1;

    /// <summary>Of what one database gives at most. More would make queues, and a comparison of queues.</summary>
    private const double LoadShare = 0.7;

    private static readonly int[] Shards = [1, 2, 4, 8];

    public string Name => "partitioned";

    public string Description => "1, 2, 4, 8 shards with 0.1 core each, 80 % GET and 20 % PUT, the same load for each shard, beside one unpartitioned database";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        if (CpuQuota.WhyUnavailable() is { } why)
        {
            await Console.Error.WriteLineAsync($"partitioned: this machine gives no CPU quotas (control groups): {why} Run it as root on a Linux with cgroups; without them one shard has the whole machine and nothing is shown.");
            throw new WrongAnswerException("partitioned needs control groups");
        }
        var steps = new List<PartitionedStep>();
        double rate = 0;
        foreach (var shards in Shards)
        {
            var step = await MeasureAsync(run, shards, rate, cancellation);
            rate = step.RateOfAShard;
            steps.Add(step);
            run.Report.Progress(step.ToString());
        }
        Tell(run.Report, steps);
    }

    /// <param name="rate">Operations a second for each shard; 0: find out what one shard can do.</param>
    private static async Task<PartitionedStep> MeasureAsync(BenchRun run, int shards, double rate, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, shards, FormattableString.Invariant($"{BenchItems.Count:#,0} items in all"), FillAsync, cancellation);
        await run.Router(cluster.Router, RequestMix.Mixed).RunAsync(TimeSpan.Zero, run.Options.FirstWarmUp, cancellation);
        var quotas = cluster.Status.Shards.Select((shard, i) => (Shard: shard, Quota: CpuQuota.Create(FormattableString.Invariant($"s{i + 1}"), CoresOfAShard))).ToArray();
        try
        {
            foreach (var (shard, quota) in quotas)
                quota.Hold(shard.ProcessId);
            LoadResult? most = null;
            if (rate == 0)
            {
                most = await run.Router(cluster.Router, RequestMix.Mixed).RunAsync(run.Options.WarmUp, run.Options.Duration, cancellation);
                rate = most.PerSecond * LoadShare;
            }
            var results = new List<LoadResult>();
            for (var i = 0; i < run.Options.Pairs; i++)
                results.Add(await run.OpenAsync(cluster.Router, RequestMix.Mixed, rate * shards, Users, cancellation));
            return new PartitionedStep(shards, rate, new Standing("", results), most);
        }
        finally
        {
            foreach (var (_, quota) in quotas)
                quota.Dispose();
        }
    }

    private static void Tell(Report report, List<PartitionedStep> steps)
    {
        var one = steps[0];
        report.Table(
            FormattableString.Invariant($"80 % GET, 20 % PUT, open loop, {CoresOfAShard} core for each shard, {one.RateOfAShard:#,0} operations/s for each shard"),
            ["shards", "operations/s", "times one", "efficiency", "p50", "p99", "longest"],
            steps.Select(step => step.Row(one)).Append(one.MostRow()));
        report.Attach("partitioned-throughput.svg", SvgPlot.Lines(
            "Operations per second", "shards, 0.1 core each", Shards, ("partitioned", [.. steps.Select(step => step.PerSecond)]), ("ideal", [.. Shards.Select(shards => one.PerSecond * shards)])));
        report.Attach("partitioned-latency.svg", SvgPlot.Lines(
            "Latency, ms", "shards, the same load for each", Shards,
            ("p50", [.. steps.Select(step => step.P50.TotalMilliseconds)]), ("p99", [.. steps.Select(step => step.P99.TotalMilliseconds)])));
        foreach (var step in steps.Skip(1))
        {
            report.AtLeast(FormattableString.Invariant($"partitioned throughput with {step.Shards} shards, times one"), step.PerSecond / one.PerSecond, 0.9 * step.Shards, "");
            report.AtMost(FormattableString.Invariant($"partitioned p99 with {step.Shards} shards, times one's"), step.P99 / one.P99, 1, "");
        }
    }

    private static async Task FillAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        await ItemFilling.CreateCollectionAsync(cluster.Routers[0].Url, cancellation);
        foreach (var shard in cluster.Shards)
            await MovedRows.FillAsync(shard, BenchItems.Last, BenchItems.Count, cancellation);
    }
}
