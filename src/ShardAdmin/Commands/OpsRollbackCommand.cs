using System.CommandLine;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;

namespace ShardAdmin.Commands;

internal sealed class OpsRollbackCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: true);
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public OpsRollbackCommand()
        : base(
            "rollback", "Moves what an operation has handed over back to where it was, and cancels the rest of it; a new operation, asks first. Weights and shards that joined stay",
            "shardadmin ops rollback ID", "shardadmin ops rollback ID --dry-run", "shardadmin ops rollback ID --yes --detach   # an agent moves it back")
    {
        Arguments.Add(_id);
        _run = new MoveRunOptions(this, mayDetach: true, plans: true);
        _change = new ChangeOptions(this);
    }

    public override Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation) => new ChangeCourse(session, _run.Read(parse))
        .RunAsync(new RollbackChange(Guid.Parse(parse.GetRequiredValue(_id)!)), _change.IsDryRun(parse), _change.IsYes(parse), cancellation);
}
