using System.CommandLine;
using ShardAdmin.Backups;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RestoreCheckCommand : AdminCommand
{
    private readonly Argument<string> _file = new("DOC") { Description = "The document that 'backup point' wrote" };
    private readonly ShardPlaces _at;
    private readonly Option<string[]> _shards = new("--shard")
    {
        Description = "Only this shard; may be given several times (default: all shards of the point)",
        HelpName = "ID",
        DefaultValueFactory = _ => [],
    };

    public RestoreCheckCommand()
        : base(
            "check",
            "Says shard by shard whether what was restored is what a backup point says: the right database of the right server, restored "
                + "to the point or beyond it; and whether the shards fit together: "
            + "each slot with exactly one owner. Ends with the commands to type next, in their order. Changes nothing. "
            + "Exit 0: consistent · 7: a shard does not answer · 9: it is not consistent, and each finding says what to do · 2, 3, 4: the "
            + "document is none, is not there, is damaged",
            "shardadmin restore check nightly.backup.json",
            "shardadmin restore check nightly.backup.json --at s1=10.0.0.4:5432/app --at s2=10.0.0.5:5432/app   # restored elsewhere",
            "shardadmin restore check nightly.backup.json -o json | jq -r '.next[].command'")
    {
        Arguments.Add(_file);
        _at = new ShardPlaces(this, "Where a shard is now; may be given several times (default: where the ring in Redis says, or without "
            + "one the document)");
        _shards.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => !ShardId.IsValid(token.Value)))
                result.AddError($"'{token.Value}' is not a shard id.");
        });
        Options.Add(_shards);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var file = parse.GetRequiredValue(_file);
        var point = BackupPointDocument.Read(await CheckedDocument.ReadFileAsync(file, BackupPointDocument.Kind, cancellation), file);
        if (point.Cluster != session.Settings.Cluster)
            throw new CommandFailedException(
                ExitCode.Precondition, $"The backup point is one of the cluster '{point.Cluster}', not of '{session.Settings.Cluster}'.",
                $"shardadmin restore check {file} --cluster {point.Cluster}");
        ShardId[] only = [.. parse.GetRequiredValue(_shards).Select(id => new ShardId(id))];
        var report = await new RestoreCheck(session, point, _at.Read(parse), only).RunAsync(file, cancellation);
        session.Output.Write(
            new { ok = report.Ok, point = report.Point, at = report.At, shards = report.Shards, cluster = report.Cluster, next = report.Next },
            console => Render(console, report));
        return report.Worst switch
        {
            FindingLevel.Unreachable => ExitCode.CannotReach,
            FindingLevel.Failed => ExitCode.Differences,
            _ => ExitCode.Done,
        };
    }

    private static void Render(IAnsiConsole console, RestoreReport report)
    {
        foreach (var shard in report.Shards)
        {
            console.WriteLine($"{shard.Id} at {shard.Address}");
            Findings.Render(console, shard.Checks);
        }
        console.WriteLine("together");
        Findings.Render(console, report.Cluster);
        var failed = report.Shards.SelectMany(shard => shard.Checks).Concat(report.Cluster)
            .Count(finding => finding.Level > FindingLevel.Warning);
        console.WriteLine(report.Ok ? $"Consistent with backup point {report.Point} of {report.At:u}. Next:" : $"Not consistent: {failed} "
            + "checks failed. Next:");
        for (var step = 0; step < report.Next.Count; step++)
            console.MarkupLine($"  {step + 1}. [green]{Markup.Escape(report.Next[step].Command)}[/]   # "
                + $"{Markup.Escape(report.Next[step].Why)}");
    }
}
