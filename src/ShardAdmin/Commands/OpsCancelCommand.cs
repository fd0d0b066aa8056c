using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Moves;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsCancelCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: true);
    private readonly ChangeOptions _change;

    public OpsCancelCommand()
        : base(
            "cancel", "Takes back what has not been handed over yet; what has moved stays where it is now. Ends whatever process works on it",
            "shardadmin ops cancel ID", "shardadmin ops cancel ID --dry-run")
    {
        Arguments.Add(_id);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var id = Guid.Parse(parse.GetRequiredValue(_id)!);
        var ring = await session.RequireRingAsync(cancellation);
        var batches = (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => each.Batch.OperationId == id).ToArray();
        if (batches.Length == 0)
            throw OperationArgument.NotFound(id, "cancel");
        if (_change.IsDryRun(parse))
        {
            Write(session, id, dryRun: true, batches.Count(each => !each.Batch.IsReleased()));
            return ExitCode.Done;
        }
        session.LeftOff = "Some batches may be cancelled; the same command goes on. Every slot keeps its owner.";
        var cancelled = await new OperationCancel(session).RunAsync(ring, id, cancellation);
        await new SlotRebalance(session, new MoveRunSettings(new MoveOptions(), Parallel: 1, Adapts: true, Detach: false)).TryCompleteAsync(ring, id, cancellation); // what was handed over is final, and is cleaned up after
        if ((await OperationSurvey.FindAsync(session, ring.Shards, id, cancellation))!.BatchList.Count(line => !line.IsOver) is > 0 and var left)
            throw new CommandFailedException(
                ExitCode.Conflict, $"{cancelled} batches were cancelled; {left} are handed over already, or another process began them anew.", $"shardadmin ops resume {id}");
        Write(session, id, dryRun: false, cancelled);
        return ExitCode.Done;
    }

    private static void Write(AdminSession session, Guid id, bool dryRun, int cancelled) => session.Output.Write(
        new { operation = id, dryRun, cancelledBatches = cancelled },
        console => console.WriteLine(
            dryRun ? $"Dry run: {cancelled} batches of operation {id} would be cancelled. Nothing was changed." : $"Cancelled {cancelled} batches of operation {id}. Their slots stay where they are."));
}
