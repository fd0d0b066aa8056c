using System.Globalization;
using System.Net;
using System.Text;

namespace LoadTests.Reports;

/// <summary>Builds a chart: a frame with ticks, lines, labels and marks. Positions are fractions of its width and height.</summary>
internal sealed class SvgChart
{
    private const int Height = 300;
    private const int Left = 64;
    private const int Bottom = 48;
    private const int Top = 40;
    private const int Right = 16;
    private const int Inner = 20;
    private const int LegendWidth = 78;

    private static readonly string[] Colours = ["#1f6feb", "#8b949e", "#d29922", "#cf222e"];

    private readonly StringBuilder _svg = new();
    private readonly SvgAxis _axis;
    private readonly int _width;
    private int _lines;

    public SvgChart(string title, string xTitle, SvgAxis axis, int width = 480)
    {
        (_axis, _width) = (axis, width);
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
        Add($"<text x=\"{Left}\" y=\"20\" font-size=\"14\">{Text(title)}</text>\n<text x=\"{width / 2}\" y=\"{Height - 8}\" text-anchor=\"middle\">{Text(xTitle)}</text>\n");
        foreach (var tick in axis.Ticks)
            Add($"<line x1=\"{Left}\" x2=\"{width - Right}\" y1=\"{Y(tick):0.#}\" y2=\"{Y(tick):0.#}\" stroke=\"#ddd\"/><text x=\"{Left - 6}\" y=\"{Y(tick) + 4:0.#}\" text-anchor=\"end\">{tick:#,0.##}</text>\n");
    }

    /// <param name="x">The position, 0…1.</param>
    public void Label(double x, string text) => Add($"<text x=\"{X(x):0.#}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{Text(text)}</text>\n");

    /// <summary>Adds a vertical line for an event. Its text is on the side that has room.</summary>
    public void Mark(double x, string text)
    {
        var (gap, anchor) = x < 0.7 ? (4, "start") : (-4, "end");
        Add($"<line x1=\"{X(x):0.#}\" x2=\"{X(x):0.#}\" y1=\"{Top}\" y2=\"{Height - Bottom}\" stroke=\"#cf222e\" stroke-dasharray=\"4 3\"/>");
        Add($"<text x=\"{X(x) + gap:0.#}\" text-anchor=\"{anchor}\" y=\"{Top + 10}\" fill=\"#cf222e\" font-size=\"11\">{Text(text)}</text>\n");
    }

    /// <param name="values">The values at equal distances; at a null the line is broken.</param>
    public void Line(string name, IReadOnlyList<double?> values, bool hasPoints)
    {
        var colour = Colours[_lines % Colours.Length];
        foreach (var part in Unbroken(values))
            Add($"<polyline points=\"{string.Join(' ', part)}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n");
        foreach (var point in hasPoints ? Unbroken(values).SelectMany(part => part).Select(point => point.Split(',')) : [])
            Add($"<circle cx=\"{point[0]}\" cy=\"{point[1]}\" r=\"3\" fill=\"{colour}\"/>\n");
        Add($"<text x=\"{_width - Right - LegendWidth - (_lines % 2 * LegendWidth)}\" y=\"{18 + (_lines / 2 * 14)}\" fill=\"{colour}\">{Text(name)}</text>\n");
        _lines++;
    }

    public override string ToString() => _svg + "</svg>\n";

    private IEnumerable<List<string>> Unbroken(IReadOnlyList<double?> values)
    {
        var part = new List<string>();
        for (var i = 0; i <= values.Count; i++)
            if (i < values.Count && values[i] is { } value)
            {
                part.Add(string.Create(CultureInfo.InvariantCulture, $"{X(i / Math.Max(1.0, values.Count - 1)):0.#},{Y(value):0.#}"));
            }
            else if (part.Count > 0)
            {
                yield return part;
                part = [];
            }
    }

    private double X(double share) => Left + Inner + ((_width - Left - Right - (2.0 * Inner)) * share);

    private double Y(double value) => Height - Bottom - ((Height - Bottom - Top) * _axis.Share(value));

    private void Add(FormattableString text) => _svg.Append(text.ToString(CultureInfo.InvariantCulture));

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
