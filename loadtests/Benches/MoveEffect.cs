using System.Diagnostics;
using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Reports;

namespace LoadTests.Benches;

/// <summary>Puts together what clients saw with what the journal says.</summary>
internal sealed class MoveEffect(WriteLog log)
{
    /// <summary>Around a hand-over: the journal is looked at only so often, and a held write is answered a little after it.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(40);

    private readonly List<Cutover> _cutovers = [];
    private readonly List<(TimeSpan P50, TimeSpan P99, TimeSpan Longest)> _quiet = [];
    private readonly List<(TimeSpan P50, TimeSpan P99, TimeSpan Longest)> _moving = [];
    private readonly List<double> _p99Ratios = [];
    private double _seconds;

    public IReadOnlyList<Cutover> Cutovers => _cutovers;

    public void Add(IEnumerable<Cutover> cutovers) => _cutovers.AddRange(cutovers);

    public void Quiet((long From, long To) time) => _quiet.Add(Summarize(time));

    /// <summary>To be compared with the quiet time before it.</summary>
    public void Moving((long From, long To) time)
    {
        _moving.Add(Summarize(time));
        _seconds += Stopwatch.GetElapsedTime(time.From, time.To).TotalSeconds;
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
        report.Told("move-effect failed requests", log.Failed, log.FirstFailure is { } why ? $"(must be 0), the first: {why}" : "(must be 0)");
        report.AtMost("move-effect stall p99", At(stalls, 0.99).TotalMilliseconds, 50, "ms");
        report.AtMost("move-effect stall longest", stalls[^1].TotalMilliseconds, 250, "ms");
        report.AtMost("move-effect pause p99", At(pauses, 0.99).TotalMilliseconds, 50, "ms");
        report.AtMost("move-effect foreground p99, moving / quiet", Standing.Median(_p99Ratios), 1.2, FormattableString.Invariant($"[{_p99Ratios.Min():0.00}…{_p99Ratios.Max():0.00}]"));
    }

    /// <summary>The longest that a write to the batch's slots took, of those under way around its hand-over; none: zero.</summary>
    private TimeSpan Stall(Cutover cutover)
    {
        var margin = (long)(Margin.TotalSeconds * Stopwatch.Frequency);
        var slots = cutover.Slots.Select(slot => (int)slot).ToHashSet();
        return log.Between(cutover.From - Stopwatch.Frequency, cutover.To + margin)
            .Where(write => slots.Contains(write.Slot) && write.AnsweredAt >= cutover.From - margin)
            .Select(write => Stopwatch.GetElapsedTime(write.PlannedAt, write.AnsweredAt)).DefaultIfEmpty().Max();
    }

    /// <exception cref="WrongAnswerException">There is nothing to summarize.</exception>
    private (TimeSpan P50, TimeSpan P99, TimeSpan Longest) Summarize((long From, long To) time)
    {
        var sorted = log.Between(time.From, time.To).Select(write => Stopwatch.GetElapsedTime(write.PlannedAt, write.AnsweredAt)).Order().ToArray();
        if (sorted.Length == 0)
            throw new WrongAnswerException("No write of this time was answered yet: the rate is more than this machine can do. Try a lower --writes.");
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
