using System.Diagnostics;
using System.Globalization;
using Chaos.Bulkheads;
using Chaos.Checkers;
using Chaos.Cluster;
using Chaos.Failover;
using Chaos.Faults;
using Chaos.Recording;
using Chaos.Workloads;

namespace Chaos;

/// <summary>
/// Makes random moves, kills and pauses while clients record all answers; then it runs the checkers and the audit.
/// </summary>
/// <remarks>
/// Steps. 1 a separate cluster is started · 2 load and faults run until the time is over · 3 the faults end, every part runs, unfinished
/// operations are completed; then one shard after the other hangs while the answers of the others are watched · 4 the load ends, and the
/// last requests are answered · 5 the final state is read · 6 the audit runs · 7 the checkers run; they know nothing but the recording.
/// </remarks>
internal sealed class ChaosRun(ChaosOptions options, ChaosLog log)
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(10);

    /// <summary>After its client has given up, a request may still run in a router until its deadline of 5 s.</summary>
    private static readonly TimeSpan LastRequestsEnd = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan FinalReadLimit = TimeSpan.FromMinutes(5);

    /// <summary>The copy that is kept if a batch is still disputed at the end: the one that took the last writes.</summary>
    private const string Keep = "target";

    private readonly List<string> _problems = [];

    /// <returns>True: no problem was found.</returns>
    public async Task<bool> RunAsync(CancellationToken interrupt)
    {
        log.Write(string.Create(CultureInfo.InvariantCulture, $"chaos: {options.Duration.TotalMinutes:0.##} minutes, seed {options.Seed}"));
        log.Write(
            $"Starting a cluster of 3 shards{(options.HaMode is null ? ", a spare one" : $" of 2 hosts each, {options.HaMode},")} "
            + $"and {ChaosCluster.Routers} routers in {options.Cluster}");
        await using var cluster = await ChaosCluster.StartAsync(options.Cluster, options.Logs, options.Build, interrupt, options.HaMode);
        var rest = new ClusterRest(cluster, log);
        await rest.CreateCollectionsAsync(interrupt);
        await rest.WeighAsync(interrupt);
        using var api = new ApiCaller(cluster.Proxy, cluster.RouterUrls, log.Surprise);
        var workloads = new WorkloadSet(api, new Recorder(options.Recording), options.Seed, options.Rate, (workload, number) => string.Create(CultureInfo.InvariantCulture, $"{workload[0]}{number}"));
        var plan = StandbyPlan.Of(options.Seed, options.HaMode is null ? options.Standbys : StandbyPlan.None);
        if (options.HaMode is null)
            log.Write($"Standbys: {plan}");
        else if (cluster.Cuts is null)
            log.Write("No host is cut off: that takes root and nftables.");
        var standbys = new StandbySet(cluster, plan, workloads);
        await standbys.EnsureAllAsync(interrupt);
        await using var failover = options.HaMode is null ? null : await FailoverTrial.BeginAsync(cluster, log, workloads, interrupt);
        await LoadAsync(cluster, workloads, plan, standbys, failover, interrupt);

        log.Tell("end", "reading the final state");
        using (var limit = CancellationTokenSource.CreateLinkedTokenSource(interrupt))
        {
            limit.CancelAfter(FinalReadLimit);
            await workloads.ReadLastAsync(limit.Token);
        }
        log.Tell("end", "audit");
        _problems.AddRange((await ClusterAudit.RunAsync(cluster, cluster.ShardIds, interrupt)).Select(problem => $"audit: {problem}"));
        log.Tell("end", "checkers");
        var violated = Check(failover?.Windows ?? standbys.Windows);
        if (failover is not null)
        {
            TellOldReads(failover.Windows);
            _problems.AddRange((await failover.JudgeAsync(interrupt)).Select(problem => $"failover: {problem}"));
        }
        var isRight = _problems.Count == 0 && log.SurpriseCount == 0;
        await new ChaosReport(options, log).WriteAsync(workloads, await MoveHistory.ReadAsync(cluster, interrupt), [.. _problems, .. violated], isRight);
        if (!isRight)
            cluster.CopyLogs(options.Logs);
        return isRight;
    }

    /// <summary>Runs steps 2 to 4.</summary>
    private async Task LoadAsync(
        ChaosCluster cluster, WorkloadSet workloads, StandbyPlan plan, StandbySet standbys, FailoverTrial? failover, CancellationToken interrupt)
    {
        using var endOfLoad = new CancellationTokenSource();
        using var endOfFaults = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        var load = workloads.RunAsync(endOfLoad.Token);
        var progress = ProgressAsync(workloads, endOfLoad.Token);
        var stage = new ChaosStage(cluster, log, () => [.. workloads.ActiveKeys]) { Standbys = standbys, Failover = failover };
        endOfFaults.CancelAfter(options.Duration);
        try
        {
            await Task.WhenAll(failover is null
                ? ChaosSchedule.Lanes.Select(lane => FollowAsync(stage, lane, ChaosSchedule.Of(options.Seed, lane, plan), endOfFaults.Token))
                : FailoverSchedule.Lanes.Select(lane => FollowAsync(
                    stage, lane, FailoverSchedule.Of(options.Seed, lane, cluster.Cuts is not null), endOfFaults.Token)));
            interrupt.ThrowIfCancellationRequested();
            log.Tell("end", "no more faults: every part is started, what is unfinished is carried on");
            if (failover is not null)
                await failover.AcceptAsync(stage);
            _problems.AddRange(await new ClusterRest(cluster, log, standbys).SettleAsync(interrupt));
            await stage.RebuildRingAsync(interrupt); // changes the ring only if it does not agree with the shards, after a loss of Redis
            // If a source lost the journal entry of a batch, the target still has the import. doctor names the command that ends it.
            if (await new NamedCommands(stage, Keep).MendAsync(interrupt) is { } left)
                _problems.Add(left);
            if (failover is null)
                _problems.AddRange(await new BulkheadTrial(cluster, log).RunAsync(interrupt));
        }
        finally
        {
            await endOfLoad.CancelAsync();
            await load;
            await progress;
        }
        await Task.Delay(LastRequestsEnd, interrupt);
    }

    private async Task FollowAsync(ChaosStage stage, string lane, IEnumerable<(TimeSpan Pause, IChaosStep Step)> schedule, CancellationToken stop)
    {
        foreach (var (pause, step) in schedule)
        {
            await Task.Delay(pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
                return;
            log.Tell(lane, step.Description);
            try
            {
                await step.RunAsync(stage, stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e)
            {
                log.Surprise($"{lane}, {step.Description}: {e}");
            }
        }
    }

    private async Task ProgressAsync(WorkloadSet workloads, CancellationToken stop)
    {
        for (var (before, clock) = (0L, Stopwatch.StartNew()); !stop.IsCancellationRequested; clock.Restart())
        {
            await Task.Delay(ProgressInterval, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var now = workloads.Requests;
            var tallies = workloads.Loads.Select(load => load.Tally).ToArray();
            log.Tell("load", string.Create(
                CultureInfo.InvariantCulture,
                $"{(now - before) / clock.Elapsed.TotalSeconds:0} requests/s; {now:#,0} in all, {tallies.Sum(tally => tally.Failed):#,0} failed, {tallies.Sum(tally => tally.Unknown):#,0} unknown; {log.CountOf("moves done")} moves; {log.SurpriseCount} surprises"));
            before = now;
        }
    }

    private void TellOldReads(IReadOnlyList<LostCommitWindow> windows)
    {
        LostCommitWindow[] others = [.. windows.Where(window => !window.OnlyReads)];
        var with = Checker.CheckFolder(options.Recording, windows).Count();
        var without = Checker.CheckFolder(options.Recording, others).Count();
        if (without > with)
            log.Write(
                $"{without - with} partitions were read from an old primary within 3 s of a takeover, and went on without what was read.");
    }

    private List<string> Check(IReadOnlyList<LostCommitWindow> windows)
    {
        var lines = new List<string>();
        foreach (var (path, violations) in Checker.CheckFolder(options.Recording, windows))
        {
            _problems.Add($"{violations.Count} violations in {Path.GetFileName(path)}");
            lines.AddRange(violations.Take(3).Select(violation => $"  {violation}"));
            lines.Add($"  {Path.GetFileName(path)} around the first:\n    {string.Join("\n    ", HistoryExcerpt.Around(violations[0], HistoryFile.Read(path)))}");
        }
        return lines;
    }
}
