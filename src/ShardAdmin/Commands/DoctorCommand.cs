using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class DoctorCommand() : AdminCommand(
    "doctor", "Every precondition and left-over, each with the command that mends it; changes nothing; exit 0 only if nothing failed",
    "shardadmin doctor", "shardadmin doctor -o json | jq -r '.checks[] | select(.level != \"ok\") | .mend'")
{
    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var findings = await new Doctor(session).RunAsync(cancellation);
        var worst = findings.Max(finding => finding.Level);
        session.Output.WriteList(
            new { ok = worst <= FindingLevel.Warning, cluster = session.Settings.Cluster, checks = findings }, findings, console => Render(console, findings, worst));
        return worst switch
        {
            FindingLevel.Unreachable => ExitCode.CannotReach,
            FindingLevel.Failed => ExitCode.Precondition,
            _ => ExitCode.Done,
        };
    }

    private static void Render(IAnsiConsole console, IReadOnlyList<Finding> findings, FindingLevel worst)
    {
        Findings.Render(console, findings);
        console.WriteLine(worst <= FindingLevel.Warning ? "Nothing failed." : $"{findings.Count(finding => finding.Level > FindingLevel.Warning)} checks failed.");
    }
}
