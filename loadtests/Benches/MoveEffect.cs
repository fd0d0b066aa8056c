using System.Diagnostics;
using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Reports;
using Workbench;

namespace LoadTests.Benches;

/// <summary>
/// Combines the latencies that clients saw with the hand-overs in the journal. A round is added only when all its writes have been
/// answered, because the last ones are the slowest.
/// </summary>
internal sealed class MoveEffect(WriteLog log)
{
    /// <summary>
    /// The time around a hand-over, in ticks of the stopwatch, that counts as a part of it: the journal is not read all the time, and a
    /// held write is answered a little after the hand-over.
    /// </summary>
    public static readonly long Margin = Stopwatch.Frequency / 25;

    private readonly List<Cutover> _cutovers = [];
    private readonly List<(TimeSpan P50, TimeSpan P99, TimeSpan Longest)> _quiet = [];
    private readonly List<(TimeSpan P50, TimeSpan P99, TimeSpan Longest)> _moving = [];
    private readonly List<double> _p99Ratios = [];
    private double _seconds;

    public IReadOnlyList<Cutover> Cutovers => _cutovers;

    /// <param name="quiet">A time without a move.</param>
    /// <param name="moving">The time of a move, which is compared with the quiet time.</param>
    /// <param name="cutovers">The hand-overs of this move.</param>
    public void Add((long From, long To) quiet, (long From, long To) moving, IEnumerable<Cutover> cutovers)
    {
        _quiet.Add(Summarize(quiet));
        _moving.Add(Summarize(moving));
        _cutovers.AddRange(cutovers);
        _seconds += Stopwatch.GetElapsedTime(moving.From, moving.To).TotalSeconds;
        _p99Ratios.Add(_moving[^1].P99 / _quiet[^1].P99);
    }

    public string LastRound() => FormattableString.Invariant(
        $"{_cutovers.Count} hand-overs in {_seconds:0} s   p99 quiet {FigureText.Time(_quiet[^1].P99)} moving {FigureText.Time(_moving[^1].P99)}, longest {FigureText.Time(_moving[^1].Longest)}   {log.Failed} failed");

    public void Tell(Report report, string title)
    {
        report.Table(title, ["", "p50", "p99", "longest"], [Row("without a move", _quiet), Row("while slots move", _moving)]);
        var pauses = _cutovers.Select(cutover => cutover.Pause).Order().ToArray();
        var stalls = _cutovers.Select(Stall).Where(stall => stall > TimeSpan.Zero).Order().ToArray();
        report.Table(
            FormattableString.Invariant($"{_cutovers.Count} hand-overs, {_cutovers.Count / _seconds * 60:0.0} a minute"),
            ["", "hand-overs", "p50", "p99", "longest"],
            [
                ["writes to its slots, by the clients", .. Of(stalls)],
                ["pause, by the journal", .. Of(pauses)],
            ]);
        report.Told("move-effect failed requests", log.Failed, "(must be 0)");
        if (log.Failed > 0)
            report.Fail($"{log.Failed} writes failed, the first: {log.FirstFailure}");
        if (stalls.Length > 0)
        {
            report.AtMost("move-effect stall p99", At(stalls, 0.99).TotalMilliseconds, 50, "ms");
            report.AtMost("move-effect stall longest", stalls[^1].TotalMilliseconds, 250, "ms");
        }
        else
        {
            report.Verdict("move-effect stall: not one write to slots that were handed over was under way; more --writes would show it");
        }
        report.AtMost("move-effect pause p99", At(pauses, 0.99).TotalMilliseconds, 50, "ms");
        report.AtMost("move-effect foreground p99, moving / quiet", Standing.Median(_p99Ratios), 1.2, FormattableString.Invariant($"[{_p99Ratios.Min():0.00}…{_p99Ratios.Max():0.00}]"));
    }

    /// <summary>The longest latency of a write to the batch's slots that ran around the hand-over; zero: there was none.</summary>
    private TimeSpan Stall(Cutover cutover)
    {
        var slots = cutover.Slots.Select(slot => (int)slot).ToHashSet();
        return log.UnderWay(cutover.From - Margin, cutover.To + Margin).Where(write => slots.Contains(write.Slot))
            .Select(write => Stopwatch.GetElapsedTime(write.PlannedAt, write.AnsweredAt)).DefaultIfEmpty().Max();
    }

    /// <exception cref="WrongAnswerException">No write was answered in this time.</exception>
    private (TimeSpan P50, TimeSpan P99, TimeSpan Longest) Summarize((long From, long To) time)
    {
        var sorted = log.Between(time.From, time.To).Select(write => Stopwatch.GetElapsedTime(write.PlannedAt, write.AnsweredAt)).Order().ToArray();
        if (sorted.Length == 0)
            throw new WrongAnswerException("No write was to begin in this time: try a higher --writes or --seconds.");
        return (At(sorted, 0.5), At(sorted, 0.99), sorted[^1]);
    }

    private static string[] Row(string name, IReadOnlyList<(TimeSpan P50, TimeSpan P99, TimeSpan Longest)> times) =>
        [name, FigureText.Time(Median(times, time => time.P50)), FigureText.Time(Median(times, time => time.P99)), FigureText.Time(times.Max(time => time.Longest))];

    private static string[] Of(TimeSpan[] sorted) =>
        [FormattableString.Invariant($"{sorted.Length}"), FigureText.Time(At(sorted, 0.5)), FigureText.Time(At(sorted, 0.99)), FigureText.Time(sorted.Length == 0 ? null : sorted[^1])];

    private static TimeSpan Median(IEnumerable<(TimeSpan, TimeSpan, TimeSpan)> times, Func<(TimeSpan P50, TimeSpan P99, TimeSpan Longest), TimeSpan> figure) =>
        TimeSpan.FromMilliseconds(Standing.Median(times.Select(time => figure(time).TotalMilliseconds)));

    private static TimeSpan At(TimeSpan[] sorted, double quantile) =>
        sorted.Length == 0 ? TimeSpan.Zero : sorted[Math.Max(0, (int)Math.Ceiling(sorted.Length * quantile) - 1)];
}
