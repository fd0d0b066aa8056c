using System.Xml;
using System.Xml.Linq;
using LoadTests.Reports;

namespace LoadTests.Tests.Reports;

public sealed class ReportPageTests
{
    private const string Nasty = "a < b & \"c\" | 'd' > e";

    [Fact]
    public void The_html_is_well_formed_whatever_the_texts_are_and_needs_no_other_file()
    {
        var html = Page().Html();

        var document = Parse(html);
        Assert.Equal(Nasty, document.Descendants("h1").Single().Value);
        Assert.Equal(["", "per second", Nasty, "1,000"], document.Descendants("th").Concat(document.Descendants("td")).Select(cell => cell.Value));
        Assert.Equal(2, document.Descendants(XName.Get("svg", "http://www.w3.org/2000/svg")).Count());
        Assert.DoesNotContain("src=", html, StringComparison.Ordinal);
        Assert.DoesNotContain("href=", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
    }

    [Fact]
    public void The_markdown_names_the_plots_files() =>
        Assert.Contains("![b.svg](20260102-b.svg)", Page().Markdown(name => "20260102-" + name), StringComparison.Ordinal);

    [Fact]
    public void A_timeline_breaks_its_line_where_a_second_has_nothing()
    {
        var svg = XDocument.Parse(SvgPlot.Timeline("x", SvgAxis.Linear(10), [(1, "a mark")], ("one", [1, 2, null, 4, 5])));

        Assert.Equal(2, svg.Descendants().Count(element => element.Name.LocalName == "polyline"));
        Assert.Contains(svg.Descendants(), element => element.Value == "a mark");
    }

    [Theory]
    [InlineData(0.3, 250, new[] { 0.1, 1, 10, 100, 1000 })]
    [InlineData(1, 1, new[] { 1.0, 10 })]
    [InlineData(0, 0, new[] { 0.001, 0.01 })]
    public void A_logarithmic_axis_goes_from_one_power_of_ten_to_another(double least, double most, double[] ticks)
    {
        var axis = SvgAxis.Logarithmic(least, most);

        Assert.Equal(ticks, axis.Ticks.Select(tick => Math.Round(tick, 6)));
        Assert.Equal((0, 1), (axis.Share(0), axis.Share(1e12)));
    }

    [Theory]
    [InlineData(7, 8)]
    [InlineData(1234, 2000)]
    [InlineData(0, 1e-9)]
    public void A_linear_axis_ends_at_a_round_number(double most, double last) => Assert.Equal(last, SvgAxis.Linear(most).Ticks.Last(), 1e-12);

    private static ReportPage Page() => new(Nasty,
    [
        new ReportText(ReportText.Kind.Heading, Nasty), new ReportText(ReportText.Kind.Paragraph, Nasty),
        new ReportTable(["", "per second"], [[Nasty, "1,000"]]),
        new ReportPlot("a.svg", SvgPlot.Percentiles(Nasty, [("p50", TimeSpan.FromMilliseconds(1)), ("p99", TimeSpan.FromMilliseconds(80))])),
        new ReportPlot("b.svg", SvgPlot.Timeline(Nasty, SvgAxis.Logarithmic(0.1, 100), [(2.5, Nasty)], (Nasty, [1, null, 3]), ("other", [3, 2, 1]))),
        new ReportText(ReportText.Kind.Lines, Nasty),
    ]);

    private static XDocument Parse(string html)
    {
        using var reader = XmlReader.Create(new StringReader(html), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader);
    }
}
