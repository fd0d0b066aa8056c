using System.CommandLine;
using ShardAdmin.Backups;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
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
        Description = "Check only this shard; repeat the option for several (default: all shards of the backup point)",
        HelpName = "ID",
        DefaultValueFactory = _ => [],
    };

    public RestoreCheckCommand()
        : base(
            "check",
            "Checks restored shards against the document of a backup point. For each shard: it is the right database of the right server, "
            + "restored to the point or beyond it. For all shards: each slot has exactly one owner. "
            + "Ends with the commands to type next, in their order. Changes nothing. "
            + "Exit 0: consistent · 7: a shard does not answer · 9: not consistent, each finding says what to do · "
            + "2: the file is not such a document · 3: the file does not exist · 4: the document is damaged",
            "shardadmin restore check nightly.backup.json",
            "shardadmin restore check nightly.backup.json --at s1=10.0.0.4:5432/app --at s2=10.0.0.5:5432/app   # restored elsewhere",
            "shardadmin restore check nightly.backup.json -o json | jq -r '.next[].command'")
    {
        Arguments.Add(_file);
        _at = new ShardPlaces(this, "The address of a shard now; repeat the option for several shards (default: the address in the ring in "
            + "Redis, or if there is no ring, in the document)");
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
                ExitCode.Precondition, $"The backup point belongs to the cluster '{point.Cluster}', not to '{session.Settings.Cluster}'.",
                $"shardadmin restore check {file} --cluster {point.Cluster}");
        ShardId[] only = [.. parse.GetRequiredValue(_shards).Select(id => new ShardId(id))];
        var report = await new RestoreCheck(session, point, _at.Read(parse), only).RunAsync(file, cancellation);
        session.Output.Write(
            new
            {
                ok = report.Ok,
                point = report.Point,
                at = report.At,
                shards = report.Shards,
                cluster = report.Cluster,
                next = report.Next,
            },
            console => Render(session.Output, console, report));
        return report.Worst switch
        {
            FindingLevel.Unreachable => ExitCode.CannotReach,
            FindingLevel.Failed => ExitCode.Differences,
            _ => ExitCode.Done,
        };
    }

    private static void Render(AdminOutput output, IAnsiConsole console, RestoreReport report)
    {
        foreach (var shard in report.Shards)
        {
            console.WriteLine($"{shard.Id} at {shard.Address}");
            output.Render(shard.Checks);
        }
        console.WriteLine("all shards together");
        output.Render(report.Cluster);
        var failed = report.Shards.SelectMany(shard => shard.Checks).Concat(report.Cluster)
            .Count(finding => finding.Level > FindingLevel.Warning);
        console.WriteLine(report.Ok ? $"Consistent with backup point {report.Point} of {report.At:u}. Next:" : $"Not consistent: {failed} "
            + "checks failed. Next:");
        for (var step = 0; step < report.Next.Count; step++)
            console.MarkupLine($"  {step + 1}. [green]{Markup.Escape(report.Next[step].Command)}[/]   # "
                + $"{Markup.Escape(report.Next[step].Why)}");
    }
}
