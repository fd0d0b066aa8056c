using System.Globalization;

namespace Chaos.Failover;

/// <summary>Compares the results of the probes with the promises, for each fault. Pure.</summary>
/// <param name="records">The faults in the order of time; they do not overlap.</param>
/// <param name="probes">All writes of the probe of each shard.</param>
/// <param name="present">The ids that exist at the end, for each shard.</param>
/// <param name="limit">The time within which writes of the shard must resume: Patroni's ttl plus 5 s.</param>
/// <param name="isSynchronous">True: no acknowledged write may be missing.</param>
internal sealed class FailoverJudgement(
    IReadOnlyList<FaultRecord> records, IReadOnlyDictionary<string, IReadOnlyList<ProbeWrite>> probes,
    IReadOnlyDictionary<string, IReadOnlySet<string>> present, TimeSpan limit, bool isSynchronous)
{
    private const long Quiet = 5_000_000; // the time before a fault whose p99 is the reference

    public static readonly IReadOnlyList<string> Columns =
        ["at", "fault", "host", "taken over", "no writes", "others: no writes", "others' p99 before", "during", "ratio", "acknowledged", "lost"];

    public IEnumerable<string[]> Rows() => records.Select(record =>
    {
        var (pause, end) = ProbeFigures.LongestPause(probes[record.Shard], record.At, record.Until);
        var until = Math.Max(end, record.At + Quiet);
        var others = Others(record);
        var (before, during) = (ProbeFigures.P99(others, record.At - Quiet, record.At), ProbeFigures.P99(others, record.At, until));
        return new[]
        {
            Text($"{record.At / 1e6:0} s"), record.Fault.Kind.ToString(), record.Host, record.Branch is null ? "no" : "yes",
            Text($"{pause.TotalSeconds:0.0} s"), Text($"{PauseElsewhere(record).TotalSeconds:0.00} s"),
            Text($"{before.TotalMilliseconds:0} ms"), Text($"{during.TotalMilliseconds:0} ms"), Text($"{during / before:0.00}"),
            Text($"{Within(record, probes[record.Shard]).Count(write => write.IsAcknowledged)}"),
            Text($"{Within(record, Lost(record.Shard)).Count()}"),
        };
    });

    public IEnumerable<string> Problems() =>
    [
        .. records.Select(record => (record, ProbeFigures.LongestPause(probes[record.Shard], record.At, record.Until).Length))
            .Where(each => each.Length > limit)
            .Select(each => Text($"{Name(each.record)}: no write for {each.Length.TotalSeconds:0.0} s; {limit.TotalSeconds:0} s are allowed")),
        .. probes.Keys.SelectMany(shard => Lost(shard).Select(write => (shard, write, Why: WhyWrong(shard, write)))).Where(each => each.Why is not null)
            .GroupBy(each => (each.shard, each.Why))
            .Select(group => Text($"{group.Key.shard} lost {group.Count()} acknowledged writes of its probe, {group.First().write}: {group.Key.Why}")),
    ];

    /// <summary>
    /// One ratio for all faults together: the p99 of the other shards while the shard took no writes, divided by their p99 in the seconds
    /// before.
    /// </summary>
    public string Elsewhere()
    {
        var before = records.SelectMany(record => Others(record).Where(write => write.Until > record.At - Quiet && write.Until <= record.At)).ToArray();
        var during = records.SelectMany(record =>
        {
            var end = ProbeFigures.LongestPause(probes[record.Shard], record.At, record.Until).End;
            return Others(record).Where(write => write.Until > record.At && write.Until <= Math.Max(end, record.At + Quiet));
        }).ToArray();
        var (quiet, busy) = (ProbeFigures.P99(before, 0, long.MaxValue), ProbeFigures.P99(during, 0, long.MaxValue));
        return Text(
            $"Other shards, all faults together: p99 {quiet.TotalMilliseconds:0.0} ms before, {busy.TotalMilliseconds:0.0} ms during, ratio {busy / quiet:0.00}.");
    }

    private IEnumerable<ProbeWrite> Lost(string shard) =>
        probes[shard].Where(write => write.IsAcknowledged && !present[shard].Contains(write.Id));

    /// <returns>Why the write should exist; null: an asynchronous standby that took over may have lacked it.</returns>
    private string? WhyWrong(string shard, ProbeWrite write)
    {
        if (isSynchronous)
            return "the shard is synchronous";
        var takeovers = records.Where(record => record.Shard == shard && record.Branch is not null).ToArray();
        if (takeovers.Any(record => write.Until >= record.Branch!.Keeps && write.At <= record.Branch.Left))
            return null;
        return takeovers.Length == 0
            ? "no standby took over from it"
            : "every new primary had it: it was acknowledged before the branch point, or behind the takeover";
    }

    private ProbeWrite[] Others(FaultRecord record) => [.. probes.Where(probe => probe.Key != record.Shard).SelectMany(probe => probe.Value)];

    private TimeSpan PauseElsewhere(FaultRecord record) => probes.Where(probe => probe.Key != record.Shard)
        .Max(probe => ProbeFigures.LongestPause(probe.Value, record.At, record.Until).Length);

    private static IEnumerable<ProbeWrite> Within(FaultRecord record, IEnumerable<ProbeWrite> writes) =>
        writes.Where(write => write.Until > record.At && write.Until <= record.Until);

    private static string Name(FaultRecord record) => Text($"{record.Fault.Kind} of {record.Host} at {record.At / 1e6:0} s");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
