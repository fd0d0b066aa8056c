using System.Text;

namespace LoadTests.Reports;

/// <summary>One part of a report, which knows how it looks as Markdown and as HTML.</summary>
internal interface IReportPart
{
    /// <param name="fileName">The file beside the report that has an attachment of this name.</param>
    void WriteMarkdown(StringBuilder page, Func<string, string> fileName);

    void WriteHtml(StringBuilder page);
}
