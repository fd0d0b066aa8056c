using System.Globalization;

namespace LoadTests.Reports;

/// <summary>Makes the plots of the reports. Browsers and README pages can show them.</summary>
internal static class SvgPlot
{
    private const int TimelineWidth = 720;
    private const int TimeLabels = 12;

    /// <param name="x">The labels of the points, such as 1, 2, 4, 8. The points are drawn at equal distances.</param>
    public static string Lines(string title, string xTitle, IReadOnlyList<int> x, params IReadOnlyList<(string Name, double[] Values)> series) =>
        Draw(
            new SvgChart(title, xTitle, SvgAxis.Linear(series.Max(one => one.Values.Max()))),
            [.. x.Select(value => value.ToString(CultureInfo.InvariantCulture))], series);

    /// <summary>Plots milliseconds over percentiles with a logarithmic axis, which shows the tail.</summary>
    public static string Percentiles(string title, IReadOnlyList<(string Name, TimeSpan Time)> percentiles)
    {
        double[] values = [.. percentiles.Select(one => one.Time.TotalMilliseconds)];
        return Draw(
            new SvgChart(title, "percentile", SvgAxis.Logarithmic(values.Min(), values.Max()), TimelineWidth),
            [.. percentiles.Select(one => one.Name)], [("", values)]);
    }

    /// <param name="seconds">The lines, each with one value per second; null: there is no value.</param>
    /// <param name="marks">The events, with their times in seconds.</param>
    public static string Timeline(
        string title, SvgAxis axis, IReadOnlyList<(double Second, string Text)> marks, params IReadOnlyList<(string Name, double?[] Values)> seconds)
    {
        var chart = new SvgChart(title, "seconds", axis, TimelineWidth);
        var last = Math.Max(1, seconds[0].Values.Length - 1);
        var step = Math.Max(1, (int)Math.Ceiling(last / (double)TimeLabels));
        for (var second = 0; second <= last; second += step)
            chart.Label((double)second / last, second.ToString(CultureInfo.InvariantCulture));
        foreach (var (second, text) in marks)
            chart.Mark(Math.Clamp(second / last, 0, 1), text);
        foreach (var (name, values) in seconds)
            chart.Line(name, values, hasPoints: false);
        return chart.ToString();
    }

    private static string Draw(SvgChart chart, string[] labels, IReadOnlyList<(string Name, double[] Values)> series)
    {
        for (var i = 0; i < labels.Length; i++)
            chart.Label(i / Math.Max(1.0, labels.Length - 1), labels[i]);
        foreach (var (name, values) in series)
            chart.Line(name, [.. values.Select(value => (double?)value)], hasPoints: true);
        return chart.ToString();
    }
}
