using System.Text;

namespace LoadTests.Reports;

/// <summary>One part of a report. It writes itself as Markdown and as HTML.</summary>
internal interface IReportPart
{
    /// <param name="fileName">Returns for the name of an attachment its file beside the report.</param>
    void WriteMarkdown(StringBuilder page, Func<string, string> fileName);

    void WriteHtml(StringBuilder page);
}
