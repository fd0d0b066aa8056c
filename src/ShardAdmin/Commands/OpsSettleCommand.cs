using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Settling;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsSettleCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: true);
    private readonly Option<string?> _keep = new("--keep")
    {
        Description = "Which shard's rows are right: source or target. The rows of these slots in the other shard are deleted",
        HelpName = "source|target",
    };

    private readonly Option<string?> _batch = new("--batch")
    {
        Description = "Settle only this batch, by its id or the beginning of it, if several are disputed and different sides are right",
        HelpName = "BATCH",
    };

    private readonly Option<bool> _ignoreStandbys = new("--ignore-standbys")
    {
        Description = "Do not wait until every standby that streams from a shard has each step on its disk",
    };

    private readonly ChangeOptions _change;

    public OpsSettleCommand()
        : base(
            "settle",
            "Ends a dispute: source and target of a move contradict each other, because one of them lost commits or rows differ. "
            + "Without --keep it shows what each side has and changes nothing (exit 9)",
            "shardadmin ops settle ID", "shardadmin ops settle ID --keep target", "shardadmin ops settle ID --keep source --yes")
    {
        Arguments.Add(_id);
        _keep.AcceptOnlyFromAmong("source", "target");
        Options.Add(_keep);
        _batch.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && !OperationArgument.IsBeginning(text))
                result.AddError(
                    $"--batch takes the id of a batch, or its first {OperationArgument.LeastCharacters} characters or more, not '{text}'.");
        });
        Options.Add(_batch);
        Options.Add(_ignoreStandbys);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var (keep, one) = (parse.GetValue(_keep), parse.GetValue(_batch));
        var options = new MoveOptions { IgnoresStandbys = parse.GetValue(_ignoreStandbys) };
        var ring = await session.RequireRingAsync(cancellation);
        var id = await OperationArgument.ReadAsync(parse.GetRequiredValue(_id)!, session, ring, cancellation);
        var disputed = (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation))
            .Where(each => each.Batch.OperationId == id && each.Batch.Disputed is not null
                && (one is null || OperationArgument.Begins(each.Batch.Id, one)))
            .ToArray();
        if (disputed.Length == 0)
            throw new CommandFailedException(
                ExitCode.NotFound,
                one is null ? $"No batch of operation {id} is disputed." : $"Operation {id} has no disputed batch {one}.",
                $"shardadmin ops show {id}");
        if (one is not null && disputed.Length > 1)
            throw new CommandFailedException(
                ExitCode.Usage,
                $"The ids of {disputed.Length} disputed batches begin with {one}: "
                + $"{string.Join(", ", disputed.Select(each => each.Batch.Id))}.",
                "the same command again with more of the id");
        var views = new List<(SourcedBatch Each, SettlementView View)>();
        foreach (var each in disputed)
            views.Add((each, await SettlementOf(session, ring, each, options).LookAsync(each.Batch, cancellation)));
        if (keep is null || _change.IsDryRun(parse))
        {
            Write(session, id, views, keep, settled: 0);
            return keep is null ? ExitCode.Differences : ExitCode.Done;
        }
        if (session.Output.ShowsTable)
            Render(session.Output.Results, views);
        await session.Output.ConfirmAsync(
            $"Keep the rows of the {keep} and delete those of the {(keep == "source" ? "target" : "source")} "
            + $"in {Tables.Counted(disputed.Sum(each => each.Batch.Slots.Length), "slot")}?",
            _change.IsYes(parse), $"shardadmin ops settle {id} --keep {keep}", cancellation);
        if (keep == "source"
            && views.FirstOrDefault(each => each.View.RowsAtSource == 0 && each.View.RowsAtTarget > 0) is { Each: { } empty })
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"{empty.Source.Id} has no row of batch {empty.Batch.Id}, and {empty.Batch.Target} has some: to keep the source would "
                + "delete the last copy.",
                $"shardadmin ops settle {id} --keep target");
        session.LeftOff = "Some batches may be settled; no rows of the others were deleted. The same command settles the rest.";
        Shard[] sources = [.. disputed.Select(each => each.Source).DistinctBy(shard => shard.Id)];
        await using (await OperationLock.TakeAsync(session, id, sources, cancellation)) // only one person settles at a time
            foreach (var (each, _) in views)
                await SettleAsync(SettlementOf(session, ring, each, options), each, keep, cancellation);
        await new RingPublisher(session).StoreListsAsync(await session.RequireRingAsync(cancellation), cancellation);
        if (keep == "target" && disputed.All(each => each.Wanted == MoveWish.Run))
            await new SlotRebalance(session, new MoveRunSettings(options, Parallel: 1)).TryCompleteAsync(ring, id, cancellation);
        Write(session, id, views, keep, views.Count);
        return ExitCode.Done;
    }

    private static async Task SettleAsync(BatchSettlement settlement, SourcedBatch each, string keep, CancellationToken cancellation)
    {
        var isSettled = await (keep == "target"
            ? settlement.KeepTargetAsync(each.Batch, cancellation)
            : settlement.KeepSourceAsync(each.Batch, cancellation));
        if (!isSettled)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Batch {each.Batch.Id} is not disputed any more: somebody else settled it meanwhile.",
                $"shardadmin ops show {each.Batch.OperationId}");
    }

    private static BatchSettlement SettlementOf(AdminSession session, ShardRing ring, SourcedBatch each, MoveOptions options) =>
        Movers.SettlementOf(
            session, options, each.Source,
            ring.Find(each.Batch.Target) ?? throw new CommandFailedException(
                ExitCode.Precondition, $"Batch {each.Batch.Id} goes to {each.Batch.Target}, which is not in the ring.",
                "shardadmin ring show"));

    private static void Write(
        AdminSession session, Guid id, IReadOnlyCollection<(SourcedBatch Each, SettlementView View)> views, string? keep, int settled) =>
        session.Output.Write(
        new
        {
            operation = id,
            keep,
            settledBatches = settled,
            batches = views.Select(each => new
            {
                batch = each.Each.Batch.Id,
                source = each.Each.Source.Id.Value,
                target = each.Each.Batch.Target.Value,
                slots = SlotText.Of(each.Each.Batch.Slots.Order()),
                disputed = each.Each.Batch.Disputed,
                targetSays = each.View.Word.State.ToString().ToLowerInvariant(),
                each.View.RowsAtSource,
                each.View.RowsAtTarget,
                each.View.Same,
                each.View.NewerAtSource,
                each.View.NewerAtTarget,
                each.View.OnlyAtSource,
                each.View.OnlyAtTarget,
                each.View.LastAtSource,
                each.View.LastAtTarget,
            }),
        },
        console =>
        {
            if (settled > 0)
            {
                console.WriteLine($"Settled: {Tables.Counted(settled, "batch", "batches")} of operation {id}; the {keep}'s rows are kept.");
                return;
            }
            Render(console, views);
            console.WriteLine(keep is null
                ? $"Nothing was changed. Next: shardadmin ops settle {id} --keep source, or --keep target"
                : $"Dry run: the {keep}'s rows would be kept. Nothing was changed.");
        });

    private static void Render(IAnsiConsole console, IEnumerable<(SourcedBatch Each, SettlementView View)> views)
    {
        var table = Tables.New(
            "batch", "source", "target", ">slots", ">the same", ">newer at source", ">newer at target",
            ">only at source", ">only at target", "newest at source", "newest at target");
        foreach (var (each, view) in views)
        {
            console.WriteLine($"batch {each.Batch.Id}: {each.Batch.Disputed}");
            table.Row(
                each.Batch.Id.ToString()[..8], each.Source.Id.Value, each.Batch.Target.Value, Tables.Count(each.Batch.Slots.Length),
                Tables.Count(view.Same), Tables.Count(view.NewerAtSource), Tables.Count(view.NewerAtTarget),
                Tables.Count(view.OnlyAtSource), Tables.Count(view.OnlyAtTarget), $"{view.LastAtSource:u}", $"{view.LastAtTarget:u}");
        }
        console.Write(table);
    }
}
