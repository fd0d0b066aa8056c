using LoadTests.Reports;

namespace LoadTests.Benches.Scaling;

/// <summary>Table, plots and verdicts of all steps; the first is one.</summary>
internal sealed class ScalingReport(ScaledPart part, IReadOnlyList<ScalingStep> steps)
{
    public void Tell(Report report)
    {
        var one = steps[0];
        report.Table(
            FormattableString.Invariant($"80 % GET, 20 % PUT, open loop, {part.CoresOfOne} core for each {part.Part}, {one.RateOfOne:#,0} operations/s for each {part.Part}"),
            [part.Part + "s", "operations/s", "times one", "efficiency", "p50", "p99", "longest"],
            steps.Select(step => step.Row(one)).Append(one.MostRow()));
        report.Plot(part.Name + "-throughput.svg", SvgPlot.Lines(
            "Operations per second", FormattableString.Invariant($"{part.Part}s, {part.CoresOfOne} core each"), part.Counts,
            ("measured", [.. steps.Select(step => step.PerSecond)]), ("ideal", [.. part.Counts.Select(count => one.PerSecond * count)])));
        report.Plot(part.Name + "-latency.svg", SvgPlot.Lines(
            "Latency, ms", $"{part.Part}s, the same load for each", part.Counts,
            ("p50", [.. steps.Select(step => step.P50.TotalMilliseconds)]), ("p99", [.. steps.Select(step => step.P99.TotalMilliseconds)])));
        foreach (var step in steps.Skip(1))
        {
            report.AtLeast(FormattableString.Invariant($"{part.Name} throughput with {step.Count} {part.Part}s, times one"), step.PerSecond / one.PerSecond, 0.9 * step.Count, "");
            report.AtMost(FormattableString.Invariant($"{part.Name} p99 with {step.Count} {part.Part}s, times one's"), step.P99 / one.P99, 1, "");
        }
    }
}
