using System.Diagnostics;
using System.Globalization;
using Chaos.Cluster;
using ShardCore.Ring;
using Workbench;

namespace Chaos.Bulkheads;

/// <summary>
/// One shard hangs while many clients keep sending it requests. Clients of the other shards, through the proxy and directly to routers,
/// must get right answers in every second.
/// </summary>
internal sealed class BulkheadTrial(ChaosCluster cluster, ChaosLog log)
{
    public static readonly TimeSpan Hangs = TimeSpan.FromSeconds(8);

    private const int Insistent = 32;
    private const int Observers = 2; // for each other shard and each way

    /// <summary>
    /// A busy machine may itself stall for a surprisingly long time; the outages that this trial looks for last 7 to 10 s.
    /// </summary>
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan InsistentPause = TimeSpan.FromMilliseconds(100);
    private static readonly (string Shard, HungProcesses Which)[] Trials =
        [("s1", HungProcesses.All), ("s2", HungProcesses.Postmaster), ("s3", HungProcesses.Children)];

    /// <returns>The problems.</returns>
    public async Task<IReadOnlyList<string>> RunAsync(CancellationToken interrupt)
    {
        var problems = new List<string>();
        foreach (var (shard, which) in Trials)
            problems.AddRange(await RunAsync(shard, which, interrupt));
        return problems;
    }

    private async Task<IReadOnlyList<string>> RunAsync(string hung, HungProcesses which, CancellationToken interrupt)
    {
        var ring = await cluster.RingAsync(interrupt) ?? throw new InvalidOperationException("There is no ring.");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        Uri[] ways = [cluster.Proxy, cluster.RouterUrls[0]];
        var record = new AnswerRecord();
        Task[] clients =
        [
            .. ring.Shards.Select(shard => shard.Id.Value).Where(shard => shard != hung && ring.SlotsOf(new ShardId(shard)).Any())
                .SelectMany(shard => ways.SelectMany(way => Enumerable.Range(0, Observers).Select(_ =>
                    new BulkheadClient(way, KeyOf(ring, shard), limitSeconds: 5).RunAsync(TimeSpan.Zero, record, stop.Token)))),
            .. Enumerable.Range(0, Insistent).Select(i =>
                new BulkheadClient(ways[i % ways.Length], KeyOf(ring, hung), limitSeconds: 1).RunAsync(InsistentPause, record: null, stop.Token)),
        ];
        await Task.Delay(Quiet, interrupt);
        var from = record.Now;
        await HangAsync(hung, which, interrupt);
        var until = record.Now;
        await Task.Delay(TimeSpan.FromSeconds(1), interrupt);
        await stop.CancelAsync();
        await Task.WhenAll(clients);
        return Judge($"{hung} hung ({which})", record, from, until);
    }

    private async Task HangAsync(string shard, HungProcesses which, CancellationToken interrupt)
    {
        var postmaster = cluster.ProcessOf(shard) ?? throw new InvalidOperationException($"{shard} does not run.");
        try
        {
            if (which == HungProcesses.Postmaster)
                ProcessTree.StopOne(postmaster);
            else
                ProcessTree.StopAll(postmaster);
            if (which == HungProcesses.Children)
                ProcessTree.ContinueOne(postmaster);
            await Task.Delay(Hangs, interrupt);
        }
        finally
        {
            ProcessTree.ContinueAll(postmaster);
        }
    }

    private List<string> Judge(string what, AnswerRecord record, TimeSpan from, TimeSpan until)
    {
        var before = record.Seconds(from - Quiet + TimeSpan.FromSeconds(1), from);
        var during = record.Seconds(from, until);
        log.Write($"{what}; the others, a second each: answers, p99 in ms");
        log.Write($"  before  {string.Join("  ", before)}");
        log.Write($"  during  {string.Join("  ", during)}");
        var problems = new List<string>();
        if (record.Wrong(from, until) is { Count: > 0 } wrong)
            problems.Add($"{what}: {wrong.Count} requests to other shards failed, the first with {wrong[0]}");
        if (record.Slowest(from, until) is var slowest && slowest > Outage)
            problems.Add(string.Create(CultureInfo.InvariantCulture, $"{what}: a request to another shard took {slowest.TotalSeconds:0.0} s"));
        if (during.Any(second => second.Answers == 0))
            problems.Add($"{what}: no answer of another shard in some second");
        return problems;
    }

    private static string KeyOf(ShardRing ring, string shard) => Enumerable.Range(0, int.MaxValue)
        .Select(i => string.Create(CultureInfo.InvariantCulture, $"bulkhead{i}"))
        .First(pk => ring.OwnerOf(SlotHash.Of(pk)).Id.Value == shard);
}
