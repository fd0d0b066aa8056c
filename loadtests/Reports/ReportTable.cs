using System.Net;
using System.Text;
using Workbench;

namespace LoadTests.Reports;

/// <summary>A table. Its first column has names, the others have figures.</summary>
internal sealed record ReportTable(string[] Head, IReadOnlyList<string[]> Rows) : IReportPart
{
    public string Markdown => MarkdownTable.Of(Head, Rows);

    public void WriteMarkdown(StringBuilder page, Func<string, string> fileName) => page.Append(Markdown).Append('\n');

    public void WriteHtml(StringBuilder page)
    {
        page.Append("<table>\n<thead>");
        WriteRow(page, "th", Head);
        page.Append("</thead>\n<tbody>\n");
        foreach (var row in Rows)
            WriteRow(page, "td", row);
        page.Append("</tbody>\n</table>\n");
    }

    private static void WriteRow(StringBuilder page, string cell, string[] texts)
    {
        page.Append("<tr>");
        foreach (var text in texts)
            page.Append('<').Append(cell).Append('>').Append(WebUtility.HtmlEncode(text)).Append("</").Append(cell).Append('>');
        page.Append("</tr>\n");
    }
}
