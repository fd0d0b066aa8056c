using System.Globalization;
using LoadTests.Engine;
using LoadTests.Reports;
using Workbench;

namespace LoadTests.Scenarios;

/// <summary>The result of a load: tables, plots and the verdict.</summary>
internal sealed class LoadReport(LoadCase scenario, double rate, LoadResult result, LoadMarks marks)
{
    private long Failed => result.Failures.Sum(failure => failure.Count);

    public void Tell(Report report)
    {
        report.Table(
            scenario.Name, ["", "operations/s", "failed", .. result.Percentiles.Select(one => Name(one.Quantile)), "longest"],
            [[scenario.Name, FigureText.Rate(result.PerSecond), FigureText.Rate(Failed), .. result.Percentiles.Select(one => FigureText.Time(one.Time)), FigureText.Time(result.Latency.Max)]]);
        if (Failed > 0)
            report.Table("Failures by kind", ["kind", "times", "the first"], result.Failures.Select(failure => new[] { failure.Kind, FigureText.Rate(failure.Count), OneLine(failure.First) }));
        Plot(report);
        LoadPhases.Tell(report, scenario.Name, result, marks);
        Judge(report);
    }

    private void Plot(Report report)
    {
        if (result.Percentiles.Count > 0)
            report.Plot($"load-{scenario.Name}-percentiles.svg", SvgPlot.Percentiles("Latency, ms", [.. result.Percentiles.Select(one => (Name(one.Quantile), one.Time)), ("longest", result.Latency.Max ?? result.Percentiles[^1].Time)]));
        if (result.Seconds.Count == 0 || result.BeganAt is not { } beganAt)
        {
            report.Say("This engine tells nothing of single seconds.");
            return;
        }
        var happened = marks.Since(beganAt);
        report.Plot($"load-{scenario.Name}-throughput.svg", SvgPlot.Timeline(
            "Operations in each second", SvgAxis.Linear(Math.Max(rate, result.Seconds.Max(second => second.Answered))), happened,
            ("answered", [.. result.Seconds.Select(second => (double?)second.Answered)]), ("failed", [.. result.Seconds.Select(second => (double?)second.Failed)])));
        report.Plot($"load-{scenario.Name}-latency.svg", SvgPlot.Timeline(
            "Latency of each second, ms", SvgAxis.Logarithmic(Least(), (result.Latency.Max ?? TimeSpan.FromSeconds(1)).TotalMilliseconds), happened,
            ("p50", Milliseconds(second => second.P50)), ("p99", Milliseconds(second => second.P99)), ("longest", Milliseconds(second => second.Max))));
    }

    private void Judge(Report report)
    {
        report.Told($"load {scenario.Name} answered", result.PerSecond, string.Create(CultureInfo.InvariantCulture, $"operations/s of {rate:#,0.#} asked for"));
        report.Verdict($"load {scenario.Name} failed {FigureText.Rate(Failed)} {(scenario.MayFail ? "(counted; only a wrong answer would fail the run)" : "(must be 0)")}");
        report.Told($"load {scenario.Name} p99", result.Latency.P99?.TotalMilliseconds ?? 0, "ms");
        if (result.Failures.FirstOrDefault(failure => !scenario.MayFail || failure.Kind == WrongAnswerException.WrongContent) is { } wrong)
            report.Fail($"{wrong.Count} × {wrong.Kind}, the first: {wrong.First}");
    }

    private double?[] Milliseconds(Func<LoadSecond, TimeSpan?> figure) => [.. result.Seconds.Select(second => figure(second)?.TotalMilliseconds)];

    private double Least() => result.Seconds.Min(second => second.P50?.TotalMilliseconds) ?? 0.1;

    private static string Name(double quantile) => string.Create(CultureInfo.InvariantCulture, $"p{quantile * 100:0.#}");

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").Replace('|', '/');
}
