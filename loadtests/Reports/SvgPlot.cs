using System.Globalization;
using System.Text;

namespace LoadTests.Reports;

/// <summary>A small line plot that any browser, and a README, shows.</summary>
internal static class SvgPlot
{
    private const int Width = 480;
    private const int Height = 300;
    private const int Left = 64;
    private const int Bottom = 48;
    private const int Top = 40;
    private const int Right = 16;

    private static readonly int[] Steps = [1, 2, 4, 5, 8, 10];

    private static readonly string[] Colours = ["#1f6feb", "#8b949e", "#d29922", "#cf222e"];

    /// <param name="x">Where the points are; drawn at equal distances, as 1, 2, 4, 8 are.</param>
    public static string Lines(string title, string xTitle, IReadOnlyList<int> x, params IReadOnlyList<(string Name, double[] Values)> series)
    {
        var most = Nice(series.Max(one => one.Values.Max()));
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{Left}\" y=\"20\" font-size=\"14\">{title}</text>\n<text x=\"{Width / 2}\" y=\"{Height - 8}\" text-anchor=\"middle\">{xTitle}</text>\n");
        for (var tick = 0; tick <= 4; tick++)
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(tick / 4.0):0.#}\" y2=\"{Y(tick / 4.0):0.#}\" stroke=\"#ddd\"/><text x=\"{Left - 6}\" y=\"{Y(tick / 4.0) + 4:0.#}\" text-anchor=\"end\">{most * tick / 4:#,0.##}</text>\n");
        for (var i = 0; i < x.Count; i++)
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{X(i, x.Count):0.#}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{x[i]}</text>\n");
        for (var i = 0; i < series.Count; i++)
            Draw(svg, series[i], i, most);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Draw(StringBuilder svg, (string Name, double[] Values) series, int index, double most)
    {
        var colour = Colours[index % Colours.Length];
        var points = series.Values.Select((value, i) => string.Create(CultureInfo.InvariantCulture, $"{X(i, series.Values.Length):0.#},{Y(value / most):0.#}")).ToArray();
        svg.Append(CultureInfo.InvariantCulture, $"<polyline points=\"{string.Join(' ', points)}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n");
        foreach (var point in points.Select(point => point.Split(',')))
            svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{point[0]}\" cy=\"{point[1]}\" r=\"3\" fill=\"{colour}\"/>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Width - Right - 110 + (index % 2 * 60)}\" y=\"{20 + (index / 2 * 14)}\" fill=\"{colour}\">{series.Name}</text>\n");
    }

    private static double X(int index, int count) => Left + 20 + ((Width - Left - Right - 40.0) * index / Math.Max(1, count - 1));

    private static double Y(double share) => Height - Bottom - ((Height - Bottom - Top) * share);

    /// <summary>The next of 1, 2, 4, 5, 8 times a power of ten: quarters of it read well.</summary>
    private static double Nice(double value)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(value, 1e-9))));
        return power * Steps.First(step => step * power >= value * 0.999);
    }
}
