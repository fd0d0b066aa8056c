using System.CommandLine;
using System.Diagnostics;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Moves.Journal;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsPauseCommand : AdminCommand
{
    /// <summary>A mover hears it within a second; a batch that it has handed over is completed first.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly Argument<string?> _id = OperationArgument.New(required: true);
    private readonly ChangeOptions _change;

    public OpsPauseCommand()
        : base(
            "pause", "Stops an operation in a safe state, whatever process works on it; nobody goes on until it is resumed. Exit 8: paused, but that process has not stopped yet",
            "shardadmin ops pause ID", "shardadmin ops resume ID   # goes on")
    {
        Arguments.Add(_id);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var id = Guid.Parse(parse.GetRequiredValue(_id)!);
        var ring = await session.RequireRingAsync(cancellation);
        var dryRun = _change.IsDryRun(parse);
        if (!dryRun)
            session.LeftOff = "Some shards may know of the pause and some not; the same command goes on, 'shardadmin ops resume' takes it back.";
        var batches = dryRun
            ? (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Count(each => each.Batch.OperationId == id)
            : await MoveJournals.WishAsync(session, ring.Shards, id, MoveWish.Pause, cancellation);
        if (batches == 0)
            throw OperationArgument.NotFound(id, "pause");
        if (!dryRun && !await StoppedAsync(session, id, cancellation))
            throw new CommandFailedException(new Failure(
                ExitCode.TimedOut, $"Operation {id} is paused, but its mover has not stopped within {Limit.TotalSeconds:0} s: it is still completing what it has handed over, or hangs.",
                "Nobody begins anything more of it until it is resumed.", $"shardadmin ops show {id}"));
        session.Output.Write(new { operation = id, dryRun, state = "paused", unfinishedBatches = batches, moverStopped = !dryRun }, console => console.WriteLine(
            dryRun
                ? $"Dry run: operation {id} would be paused; {batches} batches are not finished. Nothing was changed."
                : $"Operation {id} is paused, {batches} batches are not finished. 'shardadmin ops resume {id}' goes on."));
        return ExitCode.Done;
    }

    private static async Task<bool> StoppedAsync(AdminSession session, Guid id, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Limit; await Task.Delay(Interval, cancellation))
        {
            var ring = await session.RequireRingAsync(cancellation);
            if (!(await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Any(each => each.Batch.OperationId == id && each.IsHeld))
                return true;
        }
        return false;
    }
}
