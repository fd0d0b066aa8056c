using System.CommandLine;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;

namespace ShardAdmin.Commands;

internal sealed class ApplyCommand : AdminCommand
{
    private readonly Argument<string> _file = new("FILE") { Description = "A plan that 'plan … --out FILE' wrote" };
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public ApplyCommand()
        : base("apply", "Carries out a plan, if the ring is still the one it was made for (else exit 5); asks first", "shardadmin apply plan.json", "shardadmin apply plan.json --yes --rate 50MiB/s")
    {
        Arguments.Add(_file);
        _run = new MoveRunOptions(this, mayDetach: true, plans: true);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var file = parse.GetRequiredValue(_file);
        var document = PlanDocument.Read(await ReadAsync(file, cancellation), file);
        return await new ChangeCourse(session, _run.Read(parse)).ApplyAsync(document, file, _change.IsDryRun(parse), _change.IsYes(parse), cancellation);
    }

    private static async Task<string> ReadAsync(string file, CancellationToken cancellation)
    {
        try
        {
            return await File.ReadAllTextAsync(file, cancellation);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(
                e is FileNotFoundException or DirectoryNotFoundException ? ExitCode.NotFound : ExitCode.Failed, $"The plan {file} cannot be read: {e.Message}", "shardadmin plan … --out FILE");
        }
    }
}
