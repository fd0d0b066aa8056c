using System.CommandLine;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;

namespace ShardAdmin.Commands;

internal sealed class ApplyCommand : AdminCommand
{
    private readonly Argument<string> _file = new("FILE") { Description = "The plan that 'plan … --out FILE' wrote" };
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public ApplyCommand()
        : base(
            "apply", "Carries out a plan. Asks first. If the ring has changed since the plan was made, nothing is done (exit 5)",
            "shardadmin apply plan.json", "shardadmin apply plan.json --yes --rate 50MiB/s")
    {
        Arguments.Add(_file);
        _run = new MoveRunOptions(this, mayDetach: true, plans: true);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var file = parse.GetRequiredValue(_file);
        var document = PlanDocument.Read(await CheckedDocument.ReadFileAsync(file, PlanDocument.Kind, cancellation), file);
        return await new ChangeCourse(session, _run.Read(parse))
            .ApplyAsync(document, file, _change.IsDryRun(parse), _change.IsYes(parse), cancellation);
    }
}
