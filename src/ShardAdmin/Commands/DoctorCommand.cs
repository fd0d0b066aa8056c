using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Examining;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class DoctorCommand() : AdminCommand(
    "doctor",
    "Checks all preconditions and looks for leftovers. Each problem comes with the command that repairs it. "
    + "Changes nothing. Exit 0: no check failed",
    "shardadmin doctor", "shardadmin doctor -o json | jq -r '.checks[] | select(.level != \"ok\") | .mend'")
{
    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var findings = await new Doctor(session).RunAsync(cancellation);
        var worst = findings.Max(finding => finding.Level);
        session.Output.WriteList(
            new { ok = worst <= FindingLevel.Warning, cluster = session.Settings.Cluster, checks = findings }, findings,
            console => Render(session.Output, console, findings, worst));
        return worst switch
        {
            FindingLevel.Unreachable => ExitCode.CannotReach,
            FindingLevel.Failed => ExitCode.Precondition,
            _ => ExitCode.Done,
        };
    }

    private static void Render(AdminOutput output, IAnsiConsole console, IReadOnlyList<Finding> findings, FindingLevel worst)
    {
        output.Render(findings);
        console.WriteLine(worst <= FindingLevel.Warning
            ? "Nothing failed."
            : $"{Tables.Counted(findings.Count(finding => finding.Level > FindingLevel.Warning), "check")} failed.");
    }
}
