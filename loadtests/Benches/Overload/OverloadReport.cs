using System.Globalization;
using LoadTests.Reports;
using Workbench;

namespace LoadTests.Benches.Overload;

/// <summary>The table and the verdicts of all turns.</summary>
internal static class OverloadReport
{
    public static string Line(OverloadTurn turn) => string.Create(
        CultureInfo.InvariantCulture,
        $"peak {FigureText.Rate(turn.Peak)}/s; at twice of it {FigureText.Rate(turn.Goodput)}/s, p99 {FigureText.Time(turn.Accepted.P99)} "
        + $"(normal {FigureText.Time(turn.Normal)}); {FigureText.Rate(turn.RefusedPerSecond)}/s refused within "
        + $"{FigureText.Time(turn.Refused)}; normal after {turn.Recovered} s; "
        + $"{string.Join(", ", turn.Failed.Select(failure => $"{failure.Count} {failure.Kind}"))}");

    public static void Tell(Report report, double cores, IReadOnlyList<OverloadTurn> turns, IReadOnlyList<double> hung, IReadOnlyList<double> idle)
    {
        report.Table(
            FormattableString.Invariant($"80 % GET, 20 % PUT, one shard with {cores} core gets twice its peak"),
            ["peak/s", "right/s", "of the peak", "p50", "p99", "p99 at half the peak", "refused/s", "refusal p99", "other failures", "normal after"],
            turns.Select(turn => (string[])
            [
                FigureText.Rate(turn.Peak), FigureText.Rate(turn.Goodput), FigureText.Number(turn.GoodputRatio), FigureText.Time(turn.Accepted.P50),
                FigureText.Time(turn.Accepted.P99), FigureText.Time(turn.Normal), FigureText.Rate(turn.RefusedPerSecond), FigureText.Time(turn.Refused),
                FormattableString.Invariant($"{turn.Failed.Sum(failure => failure.Count)}"), turn.Recovered is { } seconds ? $"{seconds} s" : "longer than 10 s",
            ]));
        report.AtLeast("goodput at twice the peak, times the peak", Standing.Median(turns.Select(turn => turn.GoodputRatio)), 0.9, "");
        report.AtMost("p99 of the accepted, times that at half the peak", Standing.Median(turns.Select(turn => turn.LatencyRatio)), 2, "");
        report.AtMost("refusals, p99", Standing.Median(turns.Select(turn => turn.Refused.TotalMilliseconds)), 10, "ms");
        report.AtMost("normal again after", Standing.Median(turns.Select(turn => (double)(turn.Recovered ?? 99))), 10, "s");
        report.AtMost("the others' p99 while one shard hangs, times that before", Standing.Median(hung), 1.1, "");
        report.AtMost("p99 with 10,000 idle and 500 slow connections, times that before", Standing.Median(idle), 1.1, "");
    }
}
