using System.Diagnostics;
using System.Globalization;
using LoadTests.Chaos.Checkers;
using LoadTests.Chaos.Cluster;
using LoadTests.Chaos.Faults;
using LoadTests.Chaos.Workloads;
using LoadTests.Reports;
using Npgsql;
using ShardCore.Ring;

namespace LoadTests.Chaos.Failover;

/// <summary>The faults of a run on shards of two hosts: probes and watches that go on all the time, and what they saw of each fault.</summary>
internal sealed class FailoverTrial : IAsyncDisposable
{
    private static readonly TimeSpan WholeLimit = TimeSpan.FromSeconds(120), AcceptanceLimit = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>A standby is asked less often than a primary.</summary>
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

    /// <summary>The probes': they must stay where they are.</summary>
    public IReadOnlySet<int> PinnedSlots { get; }

    /// <summary>
    /// In which routers may have read from an old primary, and asynchronous shards may have lost what they acknowledged. To be read when no
    /// fault is under way.
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

    /// <summary>One fault, until the shard has a primary and a standby again.</summary>
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
        await Task.Delay(TimeSpan.FromSeconds(3), CancellationToken.None); // a Patroni that was away still has to find out what it missed
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
        _unaccepted.Add(fault.Shard); // once more before the next fault: a router may write what it saw of the old primary some seconds later
    }

    /// <summary>What shards lost is accepted, as a person does, so that moves go on.</summary>
    public async Task AcceptAsync(ChaosStage stage)
    {
        foreach (var shard in _unaccepted.ToArray())
        {
            using var limit = new CancellationTokenSource(AcceptanceLimit);
            if (await new LossAcceptance(stage, shard).TryAsync(limit.Token))
                _unaccepted.Remove(shard);
        }
    }

    /// <summary>To be called when nobody writes any more and every shard is whole.</summary>
    /// <returns>What was wrong.</returns>
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

    /// <returns>The primary of a shard that has a standby too; null: it has not come to that in all the time that it had.</returns>
    private async Task<FailoverHost?> WholeAsync(string shard)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < WholeLimit; await Task.Delay(Pause, CancellationToken.None))
            if (await _patroni.LookAsync(shard, IsSynchronous) is { Primary: { } primary, HasStandby: true } && Answers(shard, primary))
                return primary;
        _log.Surprise($"{shard} has no primary with a standby after {WholeLimit.TotalSeconds} s");
        return null;
    }

    /// <summary>Its clients are answered, and it has told us that it is the primary.</summary>
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
