using System.Globalization;
using LoadTests.Benches;
using LoadTests.Engine;
using Workbench;

namespace LoadTests.Reports;

/// <summary>
/// The figures of a bench. The console shows them while it runs; afterwards they are saved as Markdown and as one HTML file. The ratios,
/// which are the purpose of a bench, come last everywhere.
/// </summary>
internal sealed class Report(string bench, string commit, DateTimeOffset at, TextWriter console)
{
    private readonly List<IReportPart> _parts = [];
    private readonly List<string> _verdicts = [];

    public void Begin(string title, BenchOptions options)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{title}: {options.Pairs} times {options.Duration.TotalSeconds:0.#} s each in turn");
        console.WriteLine(text);
        _parts.Add(new ReportText(ReportText.Kind.Heading, text));
    }

    public void Progress(int pair, int pairs, IEnumerable<(string Name, LoadResult Result)> results) => console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"  {pair}/{pairs}  {string.Join("   ", results.Select(one => $"{one.Name} {FigureText.Rate(one.Result.PerSecond)}/s {FigureText.Time(one.Result.Latency.P50 ?? one.Result.Latency.Mean)}{(one.Result.RouterCpu is { } cpu ? $" cpu {FigureText.Time(cpu)}" : "")}"))}"));

    public void Table(IReadOnlyList<Standing> standings)
    {
        var table = new ReportTable(
            ["", "per second", "least", "most", "mean", "p50", "p99", "longest", "router CPU", "shard CPU"],
            [.. standings.Select(standing => (string[])
            [
                standing.Name, FigureText.Rate(standing.MedianPerSecond), FigureText.Rate(standing.LeastPerSecond), FigureText.Rate(standing.MostPerSecond),
                FigureText.Time(standing.MedianOf(latency => latency.Mean)), FigureText.Time(standing.MedianOf(latency => latency.P50)),
                FigureText.Time(standing.MedianOf(latency => latency.P99)), FigureText.Time(standing.MedianOf(latency => latency.Max)), FigureText.Time(standing.MedianRouterCpu), FigureText.Time(standing.MedianShardCpu),
            ])]);
        console.WriteLine(table.Markdown);
        _parts.Add(table);
    }

    /// <summary>Adds a table with other figures than throughput and latency.</summary>
    public void Table(string title, string[] head, IEnumerable<string[]> rows)
    {
        var table = new ReportTable(head, [.. rows]);
        console.WriteLine($"{title}\n{table.Markdown}");
        _parts.Add(new ReportText(ReportText.Kind.Heading, title));
        _parts.Add(table);
    }

    /// <param name="name">The name of its file.</param>
    public void Plot(string name, string svg) => _parts.Add(new ReportPlot(name, svg));

    public void Say(string text)
    {
        console.WriteLine(text);
        _parts.Add(new ReportText(ReportText.Kind.Paragraph, text));
    }

    public void Progress(string text) => console.WriteLine("  " + text);

    public void Starts(IReadOnlyList<TimeSpan> starts)
    {
        var milliseconds = starts.Select(start => start.TotalMilliseconds).ToArray();
        AtMost(
            string.Create(CultureInfo.InvariantCulture, $"start to ready (of {starts.Count}: {milliseconds.Min():0}…{milliseconds.Max():0})"),
            Standing.Median(milliseconds), RouterFootprint.MaxStartMs, "ms");
    }

    /// <param name="target">The ratio that it should reach; null: there is no target.</param>
    public void Ratio(string name, (double Median, double Least, double Most) ratio, double? target) => _verdicts.Add(string.Create(
        CultureInfo.InvariantCulture,
        $"ratio {name} {ratio.Median:0.00}{(target is { } least ? $" (to reach {least:0.0#})" : "")}  [{ratio.Least:0.00}…{ratio.Most:0.00}]"));

    /// <param name="ratio">A cost: how many times that of the reference.</param>
    /// <param name="limit">What it should not exceed; null: there is no target.</param>
    public void Cost(string name, (double Median, double Least, double Most) ratio, double? limit) => _verdicts.Add(string.Create(
        CultureInfo.InvariantCulture,
        $"ratio {name} {ratio.Median:0.00}{(limit is { } most ? $" (at most {most:0.0#})" : "")}  [{ratio.Least:0.00}…{ratio.Most:0.00}]"));

    public void AtMost(string name, double value, double limit, string unit) =>
        _verdicts.Add($"{name} {FigureText.Number(value)} {unit} (at most {FigureText.Number(limit)})");

    public void AtLeast(string name, double value, double limit, string unit) =>
        _verdicts.Add($"{name} {FigureText.Number(value)} {unit} (at least {FigureText.Number(limit)})");

    /// <summary>Adds a figure without a target.</summary>
    public void Told(string name, double value, string unit) => _verdicts.Add($"{name} {FigureText.Number(value)} {unit}");

    /// <summary>Adds any text as a line at the end.</summary>
    public void Verdict(string text) => _verdicts.Add(text);

    /// <summary>A requirement is not met: the command exits with 1.</summary>
    public void Fail(string why)
    {
        HasFailed = true;
        _verdicts.Add($"FAILED: {why}");
    }

    public bool HasFailed { get; private set; }

    private string FileName(string name) => string.Create(CultureInfo.InvariantCulture, $"{at:yyyyMMdd-HHmmss}-{name}");

    /// <summary>Shows the verdicts and writes everything into the folder.</summary>
    public async Task FinishAsync(string folder, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, FileName(bench + ".md"));
        foreach (var plot in _parts.OfType<ReportPlot>())
            await File.WriteAllTextAsync(Path.Combine(folder, FileName(plot.Name)), plot.Svg, cancellation);
        var page = new ReportPage(bench,
        [
            new ReportText(ReportText.Kind.Paragraph, Machine.Describe()),
            new ReportText(ReportText.Kind.Paragraph, string.Create(CultureInfo.InvariantCulture, $"Commit {commit}, {at:yyyy-MM-dd HH:mm} UTC.")),
            .. _parts,
            new ReportText(ReportText.Kind.Lines, string.Join('\n', _verdicts)),
        ]);
        await File.WriteAllTextAsync(file, page.Markdown(FileName), cancellation);
        await File.WriteAllTextAsync(Path.ChangeExtension(file, ".html"), page.Html(), cancellation);
        await console.WriteLineAsync($"Report: {file} and .html");
        foreach (var verdict in _verdicts)
            await console.WriteLineAsync(verdict);
    }
}
