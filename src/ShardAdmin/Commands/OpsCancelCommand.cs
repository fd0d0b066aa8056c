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
        var batches = (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => each.Batch.OperationId == id).ToArray();
        if (batches.Length == 0)
            throw OperationArgument.NotFound(id, "cancel");
        session.LeftOff = "Some batches may be cancelled; the same command goes on. Every slot keeps its owner.";
        var cancelled = 0;
        foreach (var each in batches)
        {
            var target = ring.Find(each.Batch.Target) ?? throw new CommandFailedException(ExitCode.Precondition, $"Batch {each.Batch.Id} goes to {each.Batch.Target}, which is not in the ring.", "shardadmin ring show");
            if (await MoveRunner.MoverOf(session, each.Source, target, new MoveOptions()).CancelAsync(each.Batch.Id, cancellation))
                cancelled++;
        }
        if (cancelled < batches.Length)
            throw new CommandFailedException(
                ExitCode.Conflict, $"{cancelled} of {batches.Length} unfinished batches were cancelled; the others are handed over already, or another process began them anew.", $"shardadmin ops resume {id}");
        session.Output.Write(new { operation = id, cancelledBatches = cancelled }, console => console.WriteLine($"Cancelled {cancelled} batches of operation {id}. Their slots stay where they are."));
        return ExitCode.Done;
    }
}
