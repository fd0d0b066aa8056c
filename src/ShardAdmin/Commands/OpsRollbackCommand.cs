using System.CommandLine;
using ShardAdmin.Changes;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;

namespace ShardAdmin.Commands;

internal sealed class OpsRollbackCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: true);
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public OpsRollbackCommand()
        : base(
            "rollback",
            "Undoes an operation by a new one: moves the slots that were handed over back to their old shards, and cancels the rest. "
            + "Asks first. Weights stay changed, and shards that joined stay in the ring",
            "shardadmin ops rollback ID", "shardadmin ops rollback ID --dry-run",
            "shardadmin ops rollback ID --yes --detach   # an agent moves the slots back")
    {
        Arguments.Add(_id);
        _run = new MoveRunOptions(this, mayDetach: true, plans: true);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var id = await OperationArgument.ReadAsync(
            parse.GetRequiredValue(_id)!, session, await session.RequireRingAsync(cancellation), cancellation);
        return await new ChangeCourse(session, _run.Read(parse))
            .RunAsync(new RollbackChange(id), _change.IsDryRun(parse), _change.IsYes(parse), cancellation);
    }
}
