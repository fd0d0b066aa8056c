using System.Text;

namespace LoadTests.Reports;

/// <summary>A plot: for Markdown a separate file, for HTML a part of the page.</summary>
internal sealed record ReportPlot(string Name, string Svg) : IReportPart
{
    public void WriteMarkdown(StringBuilder page, Func<string, string> fileName) => page.Append("![").Append(Name).Append("](").Append(fileName(Name)).Append(")\n\n");

    public void WriteHtml(StringBuilder page) => page.Append("<figure>\n").Append(Svg).Append("</figure>\n");
}
