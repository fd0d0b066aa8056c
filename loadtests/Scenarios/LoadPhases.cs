using LoadTests.Engine;
using LoadTests.Reports;
using Workbench;

namespace LoadTests.Scenarios;

/// <summary>
/// Compares the latency before an event with that during it and after it. An operation belongs to the second for which it was planned. The
/// seconds in which the event began and ended belong to it.
/// </summary>
internal static class LoadPhases
{
    public static void Tell(Report report, string name, LoadResult result, LoadMarks marks)
    {
        if (result.Series is not { } series || result.BeganAt is not { } beganAt || marks.Since(beganAt) is not [var first, .., var last])
            return;
        var (begin, end, seconds) = ((int)first.Second, (int)last.Second + 1, result.Seconds);
        (string Name, int From, int To)[] phases = [("before", 0, begin), ("during", begin, end), ("after", end, seconds.Count)];
        report.Table(
            FormattableString.Invariant($"{first.Text} after {first.Second:0.0} s, {last.Text} after {last.Second:0.0} s"),
            ["", "seconds", "failed", "p50", "p99", "longest"],
            phases.Select(phase => (string[])
            [
                phase.Name, FigureText.Rate(Math.Max(0, phase.To - phase.From)), FigureText.Rate(FailedIn(seconds, phase.From, phase.To)),
                .. Figures(series.Between(phase.From, phase.To)),
            ]));
        report.Told($"load {name} event took", last.Second - first.Second, "s");
        if (series.Between(0, begin)?.P99 is { } before && series.Between(begin, end)?.P99 is { } during)
            report.Told($"load {name} p99 during the event, times before", during / before, $"({FigureText.Time(before)} before)");
    }

    private static long FailedIn(IReadOnlyList<LoadSecond> seconds, int from, int to) =>
        seconds.Take(Math.Max(0, to)).Skip(from).Sum(second => second.Failed);

    private static string[] Figures(Latency? latency) =>
        [FigureText.Time(latency?.P50), FigureText.Time(latency?.P99), FigureText.Time(latency?.Max)];
}
