using System.CommandLine;
using System.Diagnostics;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardCore.Moves.Journal;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsPauseCommand : AdminCommand
{
    /// <summary>A mover hears of the pause within a second. Before it stops, it completes a batch that it has handed over.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly Argument<string?> _id = OperationArgument.New(required: true);
    private readonly ChangeOptions _change;

    public OpsPauseCommand()
        : base(
            "pause",
            "Stops an operation in a safe state, also if another process works on it. Nobody continues it until 'ops resume'. "
            + "Exit 8: the operation is paused, but the process that works on it has not stopped yet",
            "shardadmin ops pause ID", "shardadmin ops resume ID   # continues it")
    {
        Arguments.Add(_id);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var id = await OperationArgument.ReadAsync(parse.GetRequiredValue(_id)!, session, ring, cancellation);
        var dryRun = _change.IsDryRun(parse);
        if (!dryRun)
            session.LeftOff = "Perhaps not all shards know of the pause yet. The same command completes it; "
                + "'shardadmin ops resume' takes it back.";
        var batches = dryRun
            ? (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Count(each => each.Batch.OperationId == id)
            : await MoveJournals.WishAsync(session, ring.Shards, id, MoveWish.Pause, cancellation);
        if (batches == 0)
            throw OperationArgument.NotFound(id, "pause");
        if (!dryRun && !await StoppedAsync(session, id, cancellation))
            throw new CommandFailedException(new Failure(
                ExitCode.TimedOut,
                $"Operation {id} is paused, but its mover has not stopped within {Limit.TotalSeconds:0} s: it is still completing a batch "
                + "that it has handed over, or it hangs.",
                "No further batch of it begins until it is resumed.", $"shardadmin ops show {id}"));
        var result = new { operation = id, dryRun, state = "paused", unfinishedBatches = batches, moverStopped = !dryRun };
        session.Output.Write(result, console => console.WriteLine(
            dryRun
                ? $"Dry run: operation {id} would be paused with {Tables.Counted(batches, "batch", "batches")} unfinished. "
                    + "Nothing was changed."
                : $"Operation {id} is paused with {Tables.Counted(batches, "batch", "batches")} unfinished. "
                    + $"'shardadmin ops resume {id}' continues it."));
        return ExitCode.Done;
    }

    private static async Task<bool> StoppedAsync(AdminSession session, Guid id, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Limit; await Task.Delay(Interval, cancellation))
        {
            var ring = await session.RequireRingAsync(cancellation);
            var unfinished = await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation);
            if (!unfinished.Any(each => each.Batch.OperationId == id && each.IsHeld))
                return true;
        }
        return false;
    }
}
