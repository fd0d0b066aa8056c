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

    public OpsCancelCommand()
        : base("cancel", "Takes back what has not been handed over yet; what has moved stays where it is now. Ends whatever process works on it", "shardadmin ops cancel ID") =>
        Arguments.Add(_id);

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var id = Guid.Parse(parse.GetRequiredValue(_id)!);
        var ring = await session.RequireRingAsync(cancellation);
        if ((await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).All(each => each.Batch.OperationId != id))
            throw OperationArgument.NotFound(id, "cancel");
        session.LeftOff = "Some batches may be cancelled; the same command goes on. Every slot keeps its owner.";
        var cancelled = await new OperationCancel(session).RunAsync(ring, id, cancellation);
        await new SlotRebalance(session, new MoveRunSettings(new MoveOptions(), Parallel: 1, Adapts: true, Detach: false)).TryCompleteAsync(ring, id, cancellation); // what was handed over is final, and is cleaned up after
        if ((await OperationSurvey.FindAsync(session, ring.Shards, id, cancellation))!.BatchList.Count(line => !line.IsOver) is > 0 and var left)
            throw new CommandFailedException(
                ExitCode.Conflict, $"{cancelled} batches were cancelled; {left} are handed over already, or another process began them anew.", $"shardadmin ops resume {id}");
        session.Output.Write(new { operation = id, cancelledBatches = cancelled }, console => console.WriteLine($"Cancelled {cancelled} batches of operation {id}. Their slots stay where they are."));
        return ExitCode.Done;
    }
}
