using System.Diagnostics;
using System.Globalization;
using Chaos.Checkers;
using Chaos.Cluster;
using Chaos.Faults;
using Chaos.Workloads;
using Npgsql;
using ShardCore.Ring;
using Workbench;

namespace Chaos.Failover;

/// <summary>Makes the faults of a run with shards of two hosts. Probes and watches run all the time and record each fault.</summary>
internal sealed class FailoverTrial : IAsyncDisposable
{
    private static readonly TimeSpan WholeLimit = TimeSpan.FromSeconds(120), AcceptanceLimit = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>How late a new primary may be seen: a standby is asked less often than a primary.</summary>
    private const long SeenLate = 500_000;

    private const string PresentSql = "select id from sharding.item where collection = $1 and pk = $2";

    private readonly ChaosCluster _cluster;
    private readonly ChaosLog _log;
    private readonly WorkloadSet _workloads;
    private readonly PatroniView _patroni;
    private readonly HostWatch _watch;
    private readonly IReadOnlyList<ShardProbe> _probes;
    private readonly List<FaultRecord> _records = [];
    private readonly List<LostCommitWindow> _windows = [];
    private readonly HashSet<string> _unaccepted = new(StringComparer.Ordinal);

    private FailoverTrial(ChaosCluster cluster, ChaosLog log, WorkloadSet workloads, ShardRing ring)
    {
        (_cluster, _log, _workloads) = (cluster, log, workloads);
        _patroni = new PatroniView(cluster.Hosts);
        _watch = new HostWatch(cluster.Hosts, () => workloads.Now);
        _probes = [.. ChaosCluster.FirstShards.Select(shard =>
            new ShardProbe(shard, KeyOf(ring, shard), [cluster.Proxy, cluster.RouterUrls[0]], () => workloads.Now))];
        PinnedSlots = _probes.Select(probe => (int)SlotHash.Of(probe.Key).Value).ToHashSet();
    }

    /// <summary>The slots of the probes, which must not move.</summary>
    public IReadOnlySet<int> PinnedSlots { get; }

    /// <summary>
    /// The windows in which routers may have read from an old primary, and asynchronous shards may have lost acknowledged writes. Read them
    /// when there is no fault.
    /// </summary>
    public IReadOnlyList<LostCommitWindow> Windows => _windows;

    private bool IsSynchronous => _cluster.HaMode == ChaosCluster.Synchronous;

    public static async Task<FailoverTrial> BeginAsync(ChaosCluster cluster, ChaosLog log, WorkloadSet workloads, CancellationToken cancellation)
    {
        using var client = new HttpClient { BaseAddress = cluster.Proxy };
        (await client.PutAsync(new Uri($"/v1/collections/{ShardProbe.Collection}", UriKind.Relative), null, cancellation)).EnsureSuccessStatusCode();
        return new FailoverTrial(
            cluster, log, workloads, await cluster.RingAsync(cancellation) ?? throw new InvalidOperationException("There is no ring."));
    }

    /// <summary>Makes one fault, and waits until the shard has a primary and a standby again.</summary>
    public async Task StrikeAsync(HostFault fault, ChaosStage stage, CancellationToken cancellation)
    {
        await AcceptAsync(stage);
        if (await WholeAsync(fault.Shard) is not { } primary)
            return;
        await using var ownership = await OwnershipWatch.BeginAsync(_cluster.Shard(fault.Shard), CancellationToken.None);
        var strike = new HostStrike(_cluster, primary, fault.Kind);
        var at = _workloads.Now;
        _log.Count($"{fault.Kind} of a primary");
        try
        {
            await strike.BeginAsync();
            if (fault.Kind is not (HostFaultKind.KillPostgres or HostFaultKind.Switchover))
                await Task.Delay(fault.Absence, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            await strike.EndAsync();
        }
        await Task.Delay(TimeSpan.FromSeconds(3), CancellationToken.None); // a Patroni that was away must first notice the changes
        var now = await WholeAsync(fault.Shard);
        var branch = now is null ? null : await BranchAsync(fault.Shard, now, at);
        var record = new FaultRecord(fault, primary.Name, at, _workloads.Now, branch);
        _records.Add(record);
        var pause = ProbeFigures.LongestPause(Probe(fault.Shard).Writes, at, record.Until).Length;
        _log.Tell("hosts", string.Create(
            CultureInfo.InvariantCulture,
            $"  whole after {(record.Until - at) / 1e6:0.0} s, {(branch is null ? "nobody" : now!.Name)} took over, no write for {pause.TotalSeconds:0.0} s"));
        if (branch is null)
            return;
        var slots = await ownership.SlotsAsync(CancellationToken.None);
        var keys = _workloads.AllKeys.Where(key => slots.Contains(SlotHash.Of(key).Value)).ToHashSet(StringComparer.Ordinal);
        _windows.Add(new LostCommitWindow(keys, IsSynchronous ? branch.NewPrimary - SeenLate : branch.Keeps, branch.Left) { OnlyReads = IsSynchronous });
        if (IsSynchronous)
            return;
        _unaccepted.Add(fault.Shard);
        await AcceptAsync(stage);
        _unaccepted.Add(fault.Shard); // again before the next fault: a router may note the old primary's position some seconds later
    }

    /// <summary>Accepts the losses of shards, like a person: otherwise no more moves would begin.</summary>
    public async Task AcceptAsync(ChaosStage stage)
    {
        foreach (var shard in _unaccepted.ToArray())
        {
            using var limit = new CancellationTokenSource(AcceptanceLimit);
            if (await new LossAcceptance(stage, shard).TryAsync(limit.Token))
                _unaccepted.Remove(shard);
        }
    }

    /// <summary>Call it when nobody writes any more and every shard has its primary and standby.</summary>
    /// <returns>The problems.</returns>
    public async Task<IReadOnlyList<string>> JudgeAsync(CancellationToken cancellation)
    {
        var present = new Dictionary<string, IReadOnlySet<string>>(StringComparer.Ordinal);
        foreach (var probe in _probes)
        {
            await probe.StopAsync();
            present[probe.Shard] = await PresentAsync(probe, cancellation);
        }
        var limit = await _patroni.TtlAsync() + TimeSpan.FromSeconds(5);
        var writes = _probes.ToDictionary(probe => probe.Shard, probe => probe.Writes, StringComparer.Ordinal);
        var judgement = new FailoverJudgement(_records, writes, present, limit, IsSynchronous);
        _log.Write(MarkdownTable.Of([.. FailoverJudgement.Columns], judgement.Rows()));
        _log.Write(judgement.Elsewhere());
        return [.. judgement.Problems(), .. _unaccepted.Select(shard => $"what {shard} lost is not accepted")];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var probe in _probes)
            await probe.DisposeAsync();
        await _watch.DisposeAsync();
        _patroni.Dispose();
    }

    /// <returns>The primary of the shard when the shard also has a standby; null: this did not happen in time.</returns>
    private async Task<FailoverHost?> WholeAsync(string shard)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < WholeLimit; await Task.Delay(Pause, CancellationToken.None))
            if (await _patroni.LookAsync(shard, IsSynchronous) is { Primary: { } primary, HasStandby: true } && Answers(shard, primary))
                return primary;
        _log.Surprise($"{shard} has no primary with a standby after {WholeLimit.TotalSeconds} s");
        return null;
    }

    /// <summary>Whether its clients get answers, and it has reported that it is the primary.</summary>
    private bool Answers(string shard, FailoverHost primary) =>
        _watch.Of(shard).LastOrDefault(sample => sample.Host == primary.Name) is { IsPrimary: true } last && last.At > _workloads.Now - 2_000_000
        && Probe(shard).Writes.LastOrDefault(write => write.IsAcknowledged).Until > _workloads.Now - 2_000_000;

    private async Task<BranchPoint?> BranchAsync(string shard, FailoverHost primary, long at)
    {
        var samples = _watch.Of(shard);
        var timeline = samples.Max(sample => sample.Timeline);
        return timeline <= 1 ? null : BranchPoint.Of(samples, await TimelineHistory.ReadAsync(primary, timeline, CancellationToken.None), at);
    }

    private ShardProbe Probe(string shard) => _probes.Single(probe => probe.Shard == shard);

    private async Task<IReadOnlySet<string>> PresentAsync(ShardProbe probe, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(_cluster.Shard(probe.Shard).ConnectionString);
        await connection.OpenAsync(cancellation);
        await using var command = new NpgsqlCommand(PresentSql, connection)
        {
            Parameters = { new NpgsqlParameter { Value = ShardProbe.Collection }, new NpgsqlParameter { Value = probe.Key } },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var ids = new HashSet<string>(StringComparer.Ordinal);
        while (await reader.ReadAsync(cancellation))
            ids.Add(reader.GetString(0));
        return ids;
    }

    private static string KeyOf(ShardRing ring, string shard) => Enumerable.Range(0, int.MaxValue)
        .Select(i => string.Create(CultureInfo.InvariantCulture, $"probe{i}"))
        .First(pk => ring.OwnerOf(SlotHash.Of(pk)).Id.Value == shard);
}
