using System.Net;
using System.Text;

namespace LoadTests.Reports;

/// <summary>
/// A whole report in both forms. The HTML needs no other file, no script and no network, and it is also well-formed XML.
/// </summary>
internal sealed record ReportPage(string Title, IReadOnlyList<IReportPart> Parts)
{
    private const string Style =
        "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1f2328}"
        + "table{border-collapse:collapse;margin:1rem 0}th,td{padding:.2rem .8rem;border-bottom:1px solid #d1d9e0;text-align:right}"
        + "th:first-child,td:first-child{text-align:left}figure{margin:1rem 0}svg{max-width:100%;width:48rem;height:auto}"
        + "pre{background:#f6f8fa;padding:1rem;overflow:auto}";

    public string Markdown(Func<string, string> fileName)
    {
        var page = new StringBuilder().Append("# ").Append(Title).Append("\n\n");
        foreach (var part in Parts)
            part.WriteMarkdown(page, fileName);
        return page.ToString();
    }

    public string Html()
    {
        var title = WebUtility.HtmlEncode(Title);
        var page = new StringBuilder()
            .Append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>").Append(title)
            .Append("</title>\n<style>").Append(Style).Append("</style>\n</head>\n<body>\n<h1>").Append(title).Append("</h1>\n");
        foreach (var part in Parts)
            part.WriteHtml(page);
        return page.Append("</body>\n</html>\n").ToString();
    }
}
