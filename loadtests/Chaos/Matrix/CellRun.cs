using System.Diagnostics;
using System.Globalization;
using Chaos.Checkers;
using Chaos.Cluster;
using Chaos.Faults;
using Chaos.Recording;
using Chaos.Workloads;
using ShardCore.Moves.Batches;
using ShardCore.Ring;
using Workbench;

namespace Chaos.Matrix;

/// <summary>
/// One move of partitions that clients write to, with one fault during the move. Afterwards the move must be complete, the recording must
/// have no violation, and nothing of the move may be left.
/// </summary>
internal sealed class CellRun(ChaosCluster cluster, ChaosLog log, string folder, int number)
{
    private const double Rate = 0.3;

    /// <summary>A mover that sleeps for this time has passed the deadline of its freeze (2 s).</summary>
    private static readonly TimeSpan PastTheDeadline = TimeSpan.FromSeconds(2.5);

    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(120);

    /// <summary>The time limit for settling: a dispute that is not settled by then will never be.</summary>
    private static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(60);

    private readonly List<string> _problems = [];
    private readonly List<LostCommitWindow> _windows = [];

    // Moves go back and forth: each shard is source and target in turn.
    private string Source => number % 2 == 0 ? "s1" : "s2";

    private string Target => number % 2 == 0 ? "s2" : "s1";

    public Task<CellResult> RunAsync(MatrixCell cell, CancellationToken cancellation) =>
        UnderLoadAsync(
            cell.ToString(), mayStay: cell.Promotes,
            (workloads, list) => cell.Promotes ? PromoteAsync(cell, workloads, list, cancellation)
                : cell.Fault == MatrixFault.KillMover ? KillAsync(cell, list, cancellation)
                : HoldAsync(cell, list, cancellation),
            cancellation);

    /// <summary>
    /// A router sleeps during the whole move. When it wakes up, it sends its clients' requests to the source by the old ring.
    /// </summary>
    public Task<CellResult> RunStaleRouterAsync(CancellationToken cancellation) => UnderLoadAsync("stale-router", mayStay: false, async (_, list) =>
    {
        var router = cluster.ProcessOf("r3") ?? throw new InvalidOperationException("r3 does not run.");
        var refusedBefore = await FenceRefusals.ReadAsync(cluster.OperationsUrl(3), cancellation);
        ProcessTree.StopAll(router);
        Require(await cluster.AdminAsync(cancellation, "move", list, "--to", Target, "--yes"), 0);
        ProcessTree.ContinueAll(router);
        // The router must have asked the source by its old ring; otherwise this cell would show nothing.
        for (var clock = Stopwatch.StartNew(); await FenceRefusals.ReadAsync(cluster.OperationsUrl(3), cancellation) <= refusedBefore; await Task.Delay(50, cancellation))
            if (clock.Elapsed > TimeSpan.FromSeconds(10))
            {
                _problems.Add("the router that slept was never turned back by the fence");
                break;
            }
        return Stopwatch.GetTimestamp();
    }, cancellation);

    /// <param name="mayStay">True: the slots may be at the source at the end, because the move was lost or was settled this way.</param>
    private async Task<CellResult> UnderLoadAsync(string name, bool mayStay, Func<WorkloadSet, string, Task<long>> fault, CancellationToken cancellation)
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
            var healed = await fault(workloads, slots);
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
        await ExamineAsync(recorder.Folder, mayStay ? "" : slots, cancellation);
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

    /// <summary>The mover stops itself at the step; then the fault is made, and the mover continues to its end.</summary>
    /// <returns>When the fault was over.</returns>
    private async Task<long> HoldAsync(MatrixCell cell, string list, CancellationToken cancellation)
    {
        using var mover = new HeldMover(Mover(cell, "stop", list), MatrixCell.NameOf(cell.Step));
        await mover.StoppedAsync(cancellation);
        var healed = await FaultAsync(cell.Fault, cancellation);
        await EndAsync(mover, cancellation);
        return healed;
    }

    /// <summary>The same for a takeover by a standby. Afterwards it runs the commands that shardadmin names.</summary>
    private async Task<long> PromoteAsync(MatrixCell cell, WorkloadSet workloads, string list, CancellationToken cancellation)
    {
        await using var promotion = new Promotion(cluster, cell.IsAtSource ? Source : Target, cell.Lags, workloads);
        await promotion.PrepareAsync(cancellation);
        var lagsFrom = cell.Lags ? Promotion.LagsFrom(cell.Step, cell.IsAtSource) : null;
        if (cell.Lags && lagsFrom is null)
            await promotion.StopReceivingAsync(cancellation);
        using var mover = new HeldMover(Mover(cell, "stop", list, lagsFrom), MatrixCell.NameOf(cell.Step));
        await mover.StoppedAsync(cancellation);
        if (lagsFrom is not null)
        {
            await promotion.StopReceivingAsync(cancellation);
            mover.GoOn();
            await mover.StoppedAsync(cancellation);
        }
        await promotion.PromoteAsync(cancellation);
        var healed = Stopwatch.GetTimestamp();
        await EndAsync(mover, cancellation);
        // The right copy is the one of the shard that lost nothing.
        var keep = cell.IsAtSource ? "target" : "source";
        _problems.AddRange(await new ClusterRest(cluster, log) { Keep = keep, Patience = SettleLimit }.SettleAsync(cancellation));
        if (await new NamedCommands(new ChaosStage(cluster, log, () => []), keep).MendAsync(cancellation) is { } left)
            _problems.Add(left);
        _windows.Add(await promotion.EndAsync(cancellation));
        return healed;
    }

    private async Task EndAsync(HeldMover mover, CancellationToken cancellation)
    {
        if (await mover.EndAsync(cancellation) is { IsUnexpected: true } result)
            _problems.Add(result.ToString());
    }

    /// <summary>Starts the real shardadmin, which is killed or stopped when it enters the step.</summary>
    /// <param name="before">An earlier step at which it stops too.</param>
    private AdminProcess Mover(MatrixCell cell, string failure, string list, MoveStep? before = null)
    {
        var failpoint = $"move-{MatrixCell.NameOf(cell.Step)}:{failure}";
        // Otherwise the mover would not release or own before the streaming standby has flushed the step.
        string[] lagging = cell.Lags ? ["--ignore-standbys"] : [];
        return cluster.Admin(before is { } step ? $"move-{MatrixCell.NameOf(step)}:{failure},{failpoint}" : failpoint, ["move", list, "--to", Target, "--yes", .. lagging]);
    }

    /// <returns>The time when the fault was over.</returns>
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

    /// <param name="slots">The slots that must be at the target.</param>
    private async Task ExamineAsync(string recording, string slots, CancellationToken cancellation)
    {
        foreach (var (path, violations) in Checker.CheckFolder(recording, _windows))
            _problems.AddRange(violations.Take(3).Select(violation => $"{Path.GetFileName(path)}: {violation}"));
        _problems.AddRange(await ClusterAudit.LookAsync(cluster, ChaosCluster.FirstShards, cancellation));
        var ring = await RingAsync(cancellation);
        foreach (var slot in slots.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(slot => new Slot(int.Parse(slot, CultureInfo.InvariantCulture))).Where(slot => ring.OwnerOf(slot).Id.Value != Target))
            _problems.Add($"slot {slot} did not come to {Target}");
    }

    private void Require(AdminResult result, int exitCode)
    {
        if (result.ExitCode != exitCode)
            _problems.Add($"expected {exitCode}: {result}");
    }

    private async Task<ShardRing> RingAsync(CancellationToken cancellation) => await cluster.RingAsync(cancellation) ?? throw new InvalidOperationException("There is no ring.");

    /// <summary>Chooses keys that the source owns, and that no other cell uses.</summary>
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
