using LoadTests.Reports;

namespace LoadTests.Benches.Scaling;

/// <summary>The table, plots and verdicts of all steps. The first step has one part.</summary>
/// <param name="cores">The share of a core of each part; null: there was no limit, and then there is no target.</param>
internal sealed class ScalingReport(ScaledPart part, double? cores, IReadOnlyList<ScalingStep> steps)
{
    public void Tell(Report report)
    {
        var one = steps[0];
        report.Table(
            FormattableString.Invariant($"80 % GET, 20 % PUT, open loop, {(cores is { } share ? FormattableString.Invariant($"{share} core for each {part.Part}") : "not held to a quota")}, {one.RateOfOne:#,0} operations/s for each {part.Part}"),
            [part.Part + "s", "operations/s", "times one", "efficiency", "p50", "p99", "longest"],
            steps.Select(step => step.Row(one)).Append(one.MostRow()));
        report.Plot(part.Name + "-throughput.svg", SvgPlot.Lines(
            "Operations per second", FormattableString.Invariant($"{part.Part}s, {(cores is { } each ? FormattableString.Invariant($"{each} core each") : "not held to a quota")}"), part.Counts,
            ("measured", [.. steps.Select(step => step.PerSecond)]), ("ideal", [.. part.Counts.Select(count => one.PerSecond * count)])));
        report.Plot(part.Name + "-latency.svg", SvgPlot.Lines(
            "Latency, ms", $"{part.Part}s, the same load for each", part.Counts,
            ("p50", [.. steps.Select(step => step.P50.TotalMilliseconds)]), ("p99", [.. steps.Select(step => step.P99.TotalMilliseconds)])));
        foreach (var step in steps.Skip(1))
            Judge(report, step, one);
    }

    private void Judge(Report report, ScalingStep step, ScalingStep one)
    {
        var throughput = FormattableString.Invariant($"{part.Name} throughput with {step.Count} {part.Part}s, times one");
        var p99 = FormattableString.Invariant($"{part.Name} p99 with {step.Count} {part.Part}s, times one's");
        if (cores is null)
        {
            report.Told(throughput, step.TimesOne(one), "(not held to a quota)");
            report.Told(p99, step.P99TimesOne(one), "(not held to a quota)");
            return;
        }
        report.AtLeast(throughput, step.TimesOne(one), 0.9 * step.Count, "");
        report.AtMost(p99, step.P99TimesOne(one), 1, "");
    }
}
