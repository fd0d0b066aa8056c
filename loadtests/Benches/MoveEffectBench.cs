using System.Diagnostics;
using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Http;

namespace LoadTests.Benches;

/// <summary>
/// Measures the effect of a move on applications. Durable writes to all slots come at a fixed rate through HAProxy and two routers, while
/// half of the slots move to the other shard and back. Each time with a move alternates with an equally long time without one.
/// </summary>
internal sealed class MoveEffectBench : IBench
{
    public const int DefaultWritesPerSecond = 2000;
    private const int Users = 128;

    public string Name => "move-effect";

    public string Description =>
        "writes at a fixed rate through HAProxy, with slots that move to and fro and without a move; stall per hand-over";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 2, shards: 2, FormattableString.Invariant($"{BenchItems.Count:#,0} items"), ItemFilling.FillAllAsync, cancellation);
        var slots = await MovedRows.OwnedSlotsAsync(cluster.Shard, cancellation);
        var log = new WriteLog();
        await using var load = await BackgroundLoad.StartAsync(LoggedWriteSession.Scenario(cluster.Status.Proxy, log), Users, run.Options.WritesPerSecond, cancellation);
        await load.BesideAsync(WaitAsync(run.Options.FirstWarmUp, cancellation));

        var effect = new MoveEffect(log);
        for (var round = 0; effect.Cutovers.Count < run.Options.Cutovers; round++)
        {
            var quiet = await load.BesideAsync(WaitAsync(run.Options.Duration, cancellation));
            var (moving, cutovers) = await load.BesideAsync(MoveAsync(cluster.Status, slots, round, run.Options, cancellation));
            await load.AnsweredBeforeAsync(moving.To + MoveEffect.Margin, cancellation);
            effect.Add(quiet, moving, cutovers);
            run.Report.Progress(effect.LastRound());
        }
        effect.Tell(run.Report, FormattableString.Invariant($"{run.Options.WritesPerSecond:#,0} writes/s, {slots.Count:#,0} slots to and fro, {run.Options.MoveText}"));
    }

    private static async Task<(long From, long To)> WaitAsync(TimeSpan time, CancellationToken cancellation)
    {
        var from = Stopwatch.GetTimestamp();
        await Task.Delay(time, cancellation);
        return (from, Stopwatch.GetTimestamp());
    }

    private static async Task<((long From, long To) Time, IReadOnlyList<Cutover> Cutovers)> MoveAsync(
        ClusterStatus cluster, IEnumerable<int> slots, int round, BenchOptions options, CancellationToken cancellation)
    {
        var (from, to) = (round % 2, 1 - round % 2);
        await using var watch = new CutoverWatch(cluster.Shards[from]);
        var began = Stopwatch.GetTimestamp();
        await AdminRun.RunAsync(cluster, MoveBench.Arguments(slots, to, options), cancellation);
        var ended = Stopwatch.GetTimestamp();
        return ((began, ended), await watch.EndAsync(cancellation));
    }
}
