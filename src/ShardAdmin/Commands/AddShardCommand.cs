using System.CommandLine;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Joining;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardCore.Moves.Batches;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class AddShardCommand : AdminCommand
{
    private readonly Option<bool> _noRebalance = new("--no-rebalance") { Description = "Only join: the shard gets no slots yet" };
    private readonly AddShardArguments _arguments;
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public AddShardCommand()
        : base(
            "add-shard",
            "Adds a database to the cluster as a shard and moves its share of the slots to it, while clients keep working. "
            + "Asks first if data has to move. Safe to repeat: after a crash the same command completes the rest",
            "shardadmin add-shard s4 --host 10.0.0.4 --port 5432 --database app",
            "shardadmin add-shard s4 --host 10.0.0.4 --port 5432 --database app --rate 50MiB/s --yes",
            "shardadmin add-shard s4 --host 10.0.0.4 --port 5432 --database app --no-rebalance   # join only")
    {
        _arguments = new AddShardArguments(this);
        Options.Add(_noRebalance);
        _run = new MoveRunOptions(this, mayDetach: true, plans: true);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var (change, settings) = (_arguments.Read(parse), _run.Read(parse));
        var (dryRun, yes, wanted) = (_change.IsDryRun(parse), _change.IsYes(parse), !parse.GetValue(_noRebalance));
        var retry = $"shardadmin {change.Command}{(wanted ? "" : " --no-rebalance")}";
        var join = new ShardJoin(session, change.Shard);
        var ring = await session.RequireRingAsync(cancellation);
        await join.RequirePossibleAsync(ring, cancellation);
        var resumed = await new ChangeCourse(session, settings).CarryOnAsync(ring, dryRun, yes, retry, cancellation);
        ring = await session.RequireRingAsync(cancellation);
        await join.RequirePossibleAsync(ring, cancellation); // looks again if that changed the ring
        var plan = !wanted ? null : ring.IsEmpty ? JoinPlan.None : await change.ShareAsync(session, ring, cancellation);
        // Without an item nothing is moved that anybody would have to be asked about.
        var isMove = plan is { Moves.Moves.Count: > 0 } && await join.HoldsItemsAsync(ring.Shards, cancellation);
        if (isMove)
            plan = await CheckAsync(session, ring, plan!, settings.Options.Rate.BytesPerSecond, cancellation);
        if (isMove && !dryRun)
            await session.Output.ConfirmAsync(
                $"Move {Tables.Counted(plan!.Moves.Slots, "slot")} with about {Tables.Bytes(plan.Moves.Bytes)} to {change.Shard.Id}?",
                yes, retry, cancellation);
        if (!isMove) // what a batch costs is then all that it costs, and hardly anybody writes
            settings = settings with { BatchSlots = settings.BatchSlots ?? MoveBatch.MaxSlots };
        var shown = plan is null || ring.IsEmpty ? null : plan.Moves;
        var operation = shown?.Operation ?? Guid.NewGuid();
        var result = dryRun
            ? change.Preview(ring, shown)
            : await change.JoinAsync(session, join, new SlotRebalance(session, settings), plan, operation, pinned: null, cancellation);
        result = result with { MovedSlots = result.MovedSlots + resumed, Ring = dryRun ? result.Ring : await session.RequireRingAsync(cancellation) };
        var isDetached = settings.Detach && result.Remaining > 0;
        Write(session, change.Shard, result, shown, isMove || result.Remaining > 0 ? operation : null, isDetached);
        if (isDetached)
            await AgentRegistry.WarnWithoutAgentAsync(session, operation, cancellation);
        return ExitCode.Done;
    }

    /// <summary>A move is checked and shown before anybody is asked.</summary>
    private static async Task<JoinPlan> CheckAsync(
        AdminSession session, ShardRing ring, JoinPlan plan, double? bytesPerSecond, CancellationToken cancellation)
    {
        await MovePreflight.RequireAsync(session, ring, plan.Moves, cancellation);
        if (session.Output.ShowsTable)
            PlanTable.Render(session.Output.Results, plan.Moves, bytesPerSecond);
        return plan with { IsChecked = true };
    }

    /// <param name="operation">The operation that moves the slots; null: nothing had to move.</param>
    private static void Write(AdminSession session, Shard shard, JoinResult result, MovePlan? plan, Guid? operation, bool isDetached)
    {
        var slots = result.Ring.SlotsOf(shard.Id).Length;
        session.Output.Write(
            new
            {
                shard = shard.Id.Value,
                address = shard.Address,
                joined = result.Joined,
                operation,
                dryRun = result.DryRun,
                detached = isDetached,
                plannedSlots = plan?.Slots ?? 0,
                movedSlots = result.MovedSlots,
                estimatedBytes = plan?.Bytes ?? 0,
                moves = MoveDocument.Of(plan),
                balance = plan?.Balance ?? [],
                endedImports = result.EndedImports,
                slots,
                epoch = result.Ring.Epoch.Value,
            },
            console => console.WriteLine(
                isDetached
                    ? $"Shard {shard.Id} has joined. An agent moves its {Tables.Counted(result.Remaining, "slot")}: "
                        + $"shardadmin ops watch {operation}"
                    : Sentence(shard, result, slots)));
    }

    private static string Sentence(Shard shard, JoinResult result, int slots)
    {
        if (result.DryRun)
            return $"Dry run: shard {shard.Id} at {shard.Address} would own {Tables.Counted(slots, "slot")}, {Tables.Count(result.MovedSlots)} "
                + "of which would move. Nothing was changed.";
        if (!result.ChangedAnything)
            return $"Shard {shard.Id} at {shard.Address} is in the cluster already and owns {Tables.Counted(slots, "slot")}. "
                + "Nothing was changed.";
        var ended = result.EndedImports == 0
            ? ""
            : $" Ended, because its move is over: the import of {Tables.Counted(result.EndedImports, "batch", "batches")}.";
        return slots > 0
            ? $"Shard {shard.Id} at {shard.Address} is in the cluster and owns {Tables.Counted(slots, "slot")}, epoch {result.Ring.Epoch}."
                + ended
            : $"Shard {shard.Id} at {shard.Address} is in the cluster, epoch {result.Ring.Epoch}. It owns no slots yet.{ended}";
    }
}
