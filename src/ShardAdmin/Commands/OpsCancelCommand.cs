using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardCore.Moves.Batches;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsCancelCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: true);
    private readonly ChangeOptions _change;

    public OpsCancelCommand()
        : base(
            "cancel",
            "Cancels an operation, also if another process works on it: slots that were not handed over yet stay where they are. "
            + "Slots that were handed over stay at their new shard ('ops rollback' moves them back)",
            "shardadmin ops cancel ID", "shardadmin ops cancel ID --dry-run")
    {
        Arguments.Add(_id);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var id = await OperationArgument.ReadAsync(parse.GetRequiredValue(_id)!, session, ring, cancellation);
        var batches = (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation))
            .Where(each => each.Batch.OperationId == id).ToArray();
        if (batches.Length == 0)
            throw OperationArgument.NotFound(id, "cancel");
        if (_change.IsDryRun(parse))
        {
            Write(session, id, dryRun: true, batches.Count(each => !each.Batch.IsReleased()));
            return ExitCode.Done;
        }
        session.LeftOff = "Some batches may be cancelled; the same command goes on. Every slot keeps its owner.";
        var cancelled = await new OperationCancel(session).RunAsync(ring, id, cancellation);
        // Batches that were handed over cannot be taken back: their old rows are still to be deleted at the source.
        await new SlotRebalance(session, new MoveRunSettings(new MoveOptions(), Parallel: 1, Adapts: true, Detach: false))
            .TryCompleteAsync(ring, id, cancellation);
        if ((await OperationSurvey.FindAsync(session, ring.Shards, id, cancellation))!.BatchList.Count(line => !line.IsOver)
            is > 0 and var left)
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"Cancelled: {Tables.Counted(cancelled, "batch", "batches")}. Not cancelled, because handed over already or begun anew by "
                + $"another process: {left}.",
                $"shardadmin ops resume {id}");
        Write(session, id, dryRun: false, cancelled);
        return ExitCode.Done;
    }

    private static void Write(AdminSession session, Guid id, bool dryRun, int cancelled) => session.Output.Write(
        new { operation = id, dryRun, cancelledBatches = cancelled },
        console => console.WriteLine(
            dryRun
                ? $"Dry run: {Tables.Counted(cancelled, "batch", "batches")} of operation {id} would be cancelled. Nothing was changed."
                : $"Cancelled {Tables.Counted(cancelled, "batch", "batches")} of operation {id}. Slots stay where they are."));
}
