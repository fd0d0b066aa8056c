using Spectre.Console;

namespace ShardAdmin.Output;

/// <summary>Renders findings: one line each, and below it the command that repairs the problem.</summary>
internal static class Findings
{
    public static void Render(IAnsiConsole console, IEnumerable<Finding> findings)
    {
        foreach (var finding in findings)
        {
            var (mark, colour) = finding.Level switch
            {
                FindingLevel.Ok => ("ok  ", "green"),
                FindingLevel.Warning => ("warn", "yellow"),
                _ => ("FAIL", "red"),
            };
            console.MarkupLine($"[{colour}]{mark}[/] {finding.Check,-19} {Markup.Escape(finding.Detail)}");
            if (finding.Mend is not null)
                console.MarkupLine($"{"",24} [green]→[/] {Markup.Escape(finding.Mend)}");
        }
    }
}
