using System.CommandLine;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rebalancing;

namespace ShardAdmin.Commands;

internal sealed class RebalanceCommand : AdminCommand
{
    private readonly RebalanceArguments _arguments;
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public RebalanceCommand()
        : base(
            "rebalance",
            "Gives each shard its share of the slots (or of the bytes, with --by size) according to its weight. "
            + "Moves as few slots as possible, while clients keep working. Asks first",
            "shardadmin rebalance --dry-run", "shardadmin rebalance --weight s4=2 --threshold 0%",
            "shardadmin rebalance --by size --threshold 10%")
    {
        _arguments = new RebalanceArguments(this);
        _run = new MoveRunOptions(this, mayDetach: true, plans: true);
        _change = new ChangeOptions(this);
    }

    public override Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation) =>
        new ChangeCourse(session, _run.Read(parse))
            .RunAsync(_arguments.Read(parse), _change.IsDryRun(parse), _change.IsYes(parse), cancellation);
}
