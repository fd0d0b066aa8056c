using System.Diagnostics;
using System.Globalization;
using LoadTests.Chaos.Checkers;
using LoadTests.Chaos.Cluster;
using LoadTests.Chaos.Faults;
using LoadTests.Chaos.Recording;
using LoadTests.Chaos.Workloads;
using ShardCore.Ring;

namespace LoadTests.Chaos.Matrix;

/// <summary>
/// One move of partitions that clients write to, and one thing that goes wrong in it. Afterwards the move must have come
/// to its end, the recording must hold, and nothing of the move may be left.
/// </summary>
internal sealed class CellRun(ChaosCluster cluster, ChaosLog log, string folder, int number)
{
    private const double Rate = 0.3;

    /// <summary>A mover that sleeps at least so long is past the deadline of its freeze (2 s).</summary>
    private static readonly TimeSpan PastTheDeadline = TimeSpan.FromSeconds(2.5);

    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(120);

    private readonly List<string> _problems = [];

    // There and back again, so that each shard is source and target in turn.
    private string Source => number % 2 == 0 ? "s1" : "s2";

    private string Target => number % 2 == 0 ? "s2" : "s1";

    public Task<CellResult> RunAsync(MatrixCell cell, CancellationToken cancellation) =>
        UnderLoadAsync(cell.ToString(), list => cell.Fault == MatrixFault.KillMover ? KillAsync(cell, list, cancellation) : HoldAsync(cell, list, cancellation), cancellation);

    /// <summary>A router sleeps across the whole move; its clients' requests are at the source with the old ring when it wakes up.</summary>
    public Task<CellResult> RunStaleRouterAsync(CancellationToken cancellation) => UnderLoadAsync("stale-router", async list =>
    {
        var router = cluster.ProcessOf("r3") ?? throw new InvalidOperationException("r3 does not run.");
        var refusedBefore = await FenceRefusals.ReadAsync(cluster.OperationsUrl(3), cancellation);
        ProcessTree.StopAll(router);
        Require(await cluster.AdminAsync(cancellation, "move", list, "--to", Target, "--yes"), 0);
        ProcessTree.ContinueAll(router);
        // Or nothing was shown: it must have gone to the source with its old ring.
        for (var clock = Stopwatch.StartNew(); await FenceRefusals.ReadAsync(cluster.OperationsUrl(3), cancellation) <= refusedBefore; await Task.Delay(50, cancellation))
            if (clock.Elapsed > TimeSpan.FromSeconds(10))
            {
                _problems.Add("the router that slept was never turned back by the fence");
                break;
            }
        return Stopwatch.GetTimestamp();
    }, cancellation);

    private async Task<CellResult> UnderLoadAsync(string name, Func<string, Task<long>> fault, CancellationToken cancellation)
    {
        var recorder = new Recorder(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{number:000}-{name.Replace('/', '-')}")));
        using var api = new ApiCaller(cluster.Proxy, cluster.RouterUrls, surprise => _problems.Add(surprise));
        var ring = await RingAsync(cancellation);
        var workloads = new WorkloadSet(api, recorder, number, Rate, (workload, partition) => KeyOf(ring, workload, partition));
        var slots = string.Join(',', workloads.ActiveKeys.Select(key => (int)SlotHash.Of(key).Value).Distinct().Order());
        using var endOfLoad = new CancellationTokenSource();
        var load = workloads.RunAsync(endOfLoad.Token);
        var recovery = TimeSpan.Zero;
        try
        {
            await MoreRequestsAsync(workloads, 100, cancellation);
            var healed = await fault(slots);
            _problems.AddRange(await new ClusterRest(cluster, log).SettleAsync(cancellation));
            recovery = Stopwatch.GetElapsedTime(healed);
            await MoreRequestsAsync(workloads, 100, cancellation);
        }
        finally
        {
            await endOfLoad.CancelAsync();
            await load;
        }
        await workloads.ReadLastAsync(cancellation);
        await ExamineAsync(recorder.Folder, slots, cancellation);
        var tallies = workloads.Loads.Select(each => each.Tally).ToArray();
        return new CellResult(name, recovery, workloads.Requests, tallies.Sum(tally => tally.Failed), tallies.Sum(tally => tally.Unknown), tallies.Max(tally => tally.LongestWrite), _problems);
    }

    /// <returns>When the fault was over.</returns>
    private async Task<long> KillAsync(MatrixCell cell, string list, CancellationToken cancellation)
    {
        using var mover = Mover(cell, "kill", list);
        Require(await mover.WaitAsync(cancellation), AdminResult.Killed);
        return Stopwatch.GetTimestamp();
    }

    /// <summary>The mover stops itself at the step, the fault is made, and it goes on to whatever end it comes to.</summary>
    /// <returns>When the fault was over.</returns>
    private async Task<long> HoldAsync(MatrixCell cell, string list, CancellationToken cancellation)
    {
        using var mover = Mover(cell, "stop", list);
        for (var clock = Stopwatch.StartNew(); !mover.IsStopped; await Task.Delay(10, cancellation))
            if (mover.HasExited || clock.Elapsed > StepLimit)
                throw new InvalidOperationException($"The mover did not come to {cell.Step}: {(mover.HasExited ? (await mover.WaitAsync(cancellation)).ToString() : "it still works")}");
        var healed = await FaultAsync(cell.Fault, cancellation);
        // Not once: where the fault makes it begin the batch again it comes to the step again, and stops itself there too.
        for (var clock = Stopwatch.StartNew(); !mover.HasExited; await Task.Delay(10, cancellation)) // writes may be held meanwhile
        {
            if (clock.Elapsed > StepLimit)
                throw new InvalidOperationException($"The mover that went on at {cell.Step} did not end: {mover.Written}");
            if (mover.IsStopped)
                mover.Continue();
        }
        if (await mover.WaitAsync(cancellation) is { IsUnexpected: true } result)
            _problems.Add(result.ToString());
        return healed;
    }

    /// <summary>The shardadmin of users, which is killed or stopped as it enters the step.</summary>
    private AdminProcess Mover(MatrixCell cell, string failure, string list) =>
        cluster.Admin($"move-{MatrixCell.NameOf(cell.Step)}:{failure}", "move", list, "--to", Target, "--yes");

    /// <returns>When it was over.</returns>
    private async Task<long> FaultAsync(MatrixFault fault, CancellationToken cancellation)
    {
        switch (fault)
        {
            case MatrixFault.TakeOver:
                var began = Stopwatch.GetTimestamp();
                Require(await cluster.AdminAsync(cancellation, "ops", "resume", "--take-over"), 0);
                if (PastTheDeadline - Stopwatch.GetElapsedTime(began) is { Ticks: > 0 } rest)
                    await Task.Delay(rest, cancellation);
                return Stopwatch.GetTimestamp();
            case MatrixFault.FlushRedis:
                await RedisLoss.FlushAsync(cluster.Redis);
                return Stopwatch.GetTimestamp();
            default:
                var part = fault == MatrixFault.KillSource ? Source : Target;
                ProcessTree.KillOne(cluster.ProcessOf(part)!.Value);
                await cluster.StartPartAsync(part, cancellation);
                return Stopwatch.GetTimestamp();
        }
    }

    private async Task ExamineAsync(string recording, string slots, CancellationToken cancellation)
    {
        foreach (var (path, violations) in Checker.CheckFolder(recording))
            _problems.AddRange(violations.Take(3).Select(violation => $"{Path.GetFileName(path)}: {violation}"));
        _problems.AddRange(await ClusterAudit.LookAsync(cluster, ChaosCluster.FirstShards, cancellation));
        var ring = await RingAsync(cancellation);
        foreach (var slot in slots.Split(',').Select(slot => new Slot(int.Parse(slot, CultureInfo.InvariantCulture))).Where(slot => ring.OwnerOf(slot).Id.Value != Target))
            _problems.Add($"slot {slot} did not come to {Target}");
    }

    private void Require(AdminResult result, int exitCode)
    {
        if (result.ExitCode != exitCode)
            _problems.Add($"expected {exitCode}: {result}");
    }

    private async Task<ShardRing> RingAsync(CancellationToken cancellation) => await cluster.RingAsync(cancellation) ?? throw new InvalidOperationException("There is no ring.");

    /// <summary>Keys that the source owns, new ones in each cell.</summary>
    private string KeyOf(ShardRing ring, string workload, int partition) => Enumerable.Range(0, int.MaxValue)
        .Select(attempt => string.Create(CultureInfo.InvariantCulture, $"m{number}-{workload[0]}{partition}-{attempt}"))
        .First(key => ring.OwnerOf(SlotHash.Of(key)).Id.Value == Source);

    private static async Task MoreRequestsAsync(WorkloadSet workloads, int count, CancellationToken cancellation)
    {
        var enough = workloads.Requests + count;
        for (var clock = Stopwatch.StartNew(); workloads.Requests < enough; await Task.Delay(20, cancellation))
            if (clock.Elapsed > StepLimit)
                throw new InvalidOperationException($"The load did not go on: {enough - workloads.Requests} requests are missing.");
    }
}
