using System.CommandLine;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rebalancing;

namespace ShardAdmin.Commands;

internal sealed class MoveCommand : AdminCommand
{
    private readonly MoveArguments _arguments;
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public MoveCommand()
        : base(
            "move",
            "Moves slots with their data to another shard, while clients keep working. Asks first. "
            + "Ctrl-C interrupts the move safely; 'ops resume' continues it",
            "shardadmin move 0-255 --to s4", "shardadmin move --pk FR --to s2 --rate 20MiB/s   # the slot of a partition key",
            "shardadmin move 5,7,9-12 --to s2 --dry-run")
    {
        _arguments = new MoveArguments(this);
        _run = new MoveRunOptions(this, mayDetach: true, plans: true);
        _change = new ChangeOptions(this);
    }

    public override Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation) =>
        new ChangeCourse(session, _run.Read(parse))
            .RunAsync(_arguments.Read(parse), _change.IsDryRun(parse), _change.IsYes(parse), cancellation);
}
