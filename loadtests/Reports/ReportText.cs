using System.Net;
using System.Text;

namespace LoadTests.Reports;

/// <summary>A heading, a paragraph, or lines that a program has printed.</summary>
internal sealed record ReportText(ReportText.Kind Form, string Text) : IReportPart
{
    public enum Kind
    {
        Heading,
        Paragraph,
        Lines,
    }

    public void WriteMarkdown(StringBuilder page, Func<string, string> fileName) => page.Append(Form switch
    {
        Kind.Heading => $"## {Text}\n\n",
        Kind.Paragraph => $"{Text}\n\n",
        _ => $"```\n{Text}\n```\n",
    });

    public void WriteHtml(StringBuilder page)
    {
        var text = WebUtility.HtmlEncode(Text);
        page.Append(Form switch
        {
            Kind.Heading => $"<h2>{text}</h2>\n",
            Kind.Paragraph => $"<p>{text}</p>\n",
            _ => $"<pre>{text}</pre>\n",
        });
    }
}
