using LoadTests.Benches.Scaling;
using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Reports;
using Workbench;

namespace LoadTests.Benches.Overload;

/// <summary>
/// Measures what becomes of a shard that is asked for twice of what it can do, of the other shards when one hangs, and of all when
/// thousands of connections are open. Open loops: latency counts from the planned start.
/// </summary>
/// <remarks>
/// The shard that gets too much has so little of a core that it is what bounds the service, and not the router or the clients beside it.
/// Three such shards could do more than router and clients on two cores. Connections are opened and code is compiled before that. A share
/// below a twentieth measures something else: then a new session takes the shard seconds.
/// </remarks>
internal sealed class OverloadBench : IBench
{
    private const int Shards = 3;
    private const double CoresOfOne = 0.06;

    /// <summary>
    /// So many that more would not get more done. Statements gather the operations of all who wait, so with few users a shard gives half of
    /// what it can. And so few that nobody waits as long as the queue bears.
    /// </summary>
    private const int SaturatingUsers = 384;

    private const int Users = 256;

    /// <summary>Enough that at twice the peak an operation begins when it is planned, as long as none waits for more than a second.</summary>
    private const int OverloadUsers = 3000;

    private const double NormalShare = 0.5;
    private const double OverloadShare = 2;

    /// <summary>Operations a second of a shard that has a whole machine, while another one hangs or connections stand.</summary>
    private const double CalmRate = 500;

    private const int IdleConnectionCount = 10_000;
    private const int SlowConnectionCount = 500;

    /// <summary>The begin of each load, until its queues are as they stay.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(10);

    public string Name => "overload";

    public string Description => "twice of what a shard can do, one that hangs, and 10,500 idle and slow connections";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        if (CpuQuota.WhyUnavailable() is { } why)
            throw new WrongAnswerException(
                $"Overload is measured with shards that get a share of a core, and this machine gives none ({why}). "
                + "As root on a Linux with control groups it does.");
        var cores = run.Options.Cores ?? CoresOfOne;
        await using var cluster = await BenchCluster.StartAsync(
            BenchPlace.First, routers: 1, Shards, FormattableString.Invariant($"{BenchItems.Count:#,0} items in all"), ItemFilling.FillAllAsync, cancellation);
        var (server, router, _) = await RouterProcess.StartAsync(cluster.Status, BenchCluster.RouterProgram, run.Options.VariantSettings, cancellation);
        await using (server)
        {
            var items = new List<IReadOnlyList<int>>();
            foreach (var shard in cluster.Status.Shards)
                items.Add(await MovedRows.ItemsAsync(shard, cancellation));
            var loads = new OverloadLoads(run, router.Url, items, Settling);
            await loads.ClosedAsync(Users, run.Options.FirstWarmUp, only: null, cancellation); // compiles, and opens connections
            await MeasureAsync(run, loads, cluster.Status, router.Url, cores, cancellation);
        }
    }

    private static async Task MeasureAsync(BenchRun run, OverloadLoads loads, ClusterStatus cluster, Uri router, double cores, CancellationToken cancellation)
    {
        var turns = new List<OverloadTurn>();
        var hung = new List<double>();
        var idle = new List<double>();
        for (var pair = 1; pair <= run.Options.Pairs; pair++)
        {
            turns.Add(await TurnAsync(loads, cluster.Shards[0].ProcessId, cores, cancellation));
            run.Report.Progress(OverloadReport.Line(turns[^1]));
            hung.Add(await HungShardAsync(run, loads, cluster, cancellation));
            idle.Add(await ConnectionsAsync(run, loads, router, cancellation));
        }
        OverloadReport.Tell(run.Report, cores, turns, hung, idle);
    }

    /// <summary>What becomes of the first shard. Only here it has little of a core.</summary>
    private static async Task<OverloadTurn> TurnAsync(OverloadLoads loads, int process, double cores, CancellationToken cancellation)
    {
        using var quota = CpuQuota.Create("overload", cores);
        quota.Hold(process);
        int[] first = [0];
        var (_, peak) = await loads.ClosedAsync(SaturatingUsers, first, cancellation);
        var (normal, _, _) = await loads.OpenAsync(peak * NormalShare, Users, cancellation, first);
        var (much, _, result) = await loads.OpenAsync(peak * OverloadShare, OverloadUsers, cancellation, first);
        var limit = normal.Accepted.Percentile(0.99) * 2;
        var recovered = await loads.RecoverAsync(peak * NormalShare, Users, RecoveryLimit, limit, first, cancellation);
        return new OverloadTurn(
            peak, much.Accepted.Count / loads.CountedSeconds, normal.Accepted.Percentile(0.99), much.Accepted.Summarize(), much.Refused.Percentile(0.99),
            much.Refused.Count / loads.CountedSeconds, result.Failures, recovered);
    }

    /// <returns>The p99 of the first two shards while the third hangs, times that before.</returns>
    private static async Task<double> HungShardAsync(BenchRun run, OverloadLoads loads, ClusterStatus cluster, CancellationToken cancellation)
    {
        int[] others = [0, 1];
        var before = await BesideAsync();
        ProcessTree.StopAll(cluster.Shards[2].ProcessId);
        try
        {
            var beside = await BesideAsync();
            run.Report.Progress(FormattableString.Invariant(
                $"one shard hangs: the others' p99 {beside.TotalMilliseconds:0.0} ms, and {before.TotalMilliseconds:0.0} ms before"));
            return beside / before;
        }
        finally
        {
            ProcessTree.ContinueAll(cluster.Shards[2].ProcessId);
        }

        async Task<TimeSpan> BesideAsync()
        {
            var beside = loads.OpenAsync(CalmRate, OverloadUsers, cancellation, only: [2]);
            var (outcomes, _, _) = await loads.OpenAsync(CalmRate * others.Length, Users, cancellation, others);
            await beside;
            return outcomes.Accepted.Percentile(0.99);
        }
    }

    /// <returns>The p99 while the connections stand, times that before.</returns>
    private static async Task<double> ConnectionsAsync(BenchRun run, OverloadLoads loads, Uri router, CancellationToken cancellation)
    {
        var (before, _, _) = await loads.OpenAsync(CalmRate * Shards, Users, cancellation);
        await using var connections = await IdleConnections.OpenAsync(router, IdleConnectionCount, SlowConnectionCount, cancellation);
        var (with, _, result) = await loads.OpenAsync(CalmRate * Shards, Users, cancellation);
        var (p99, calm) = (with.Accepted.Percentile(0.99), before.Accepted.Percentile(0.99));
        run.Report.Progress(FormattableString.Invariant(
            $"{connections.Open} connections stood, {result.Failures.Sum(failure => failure.Count)} operations failed, p99 {p99.TotalMilliseconds:0.0} ms, and {calm.TotalMilliseconds:0.0} ms before"));
        return p99 / calm;
    }
}
