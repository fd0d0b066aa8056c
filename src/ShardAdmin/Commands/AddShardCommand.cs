using System.CommandLine;
using ShardAdmin.Agents;
using ShardAdmin.Changes;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardCore.Moves;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class AddShardCommand : AdminCommand
{
    private readonly Option<bool> _noRebalance = new("--no-rebalance") { Description = "Join only; it gets no slots yet" };
    private readonly AddShardArguments _arguments;
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public AddShardCommand()
        : base(
            "add-shard", "Brings a database into the cluster as a shard and moves its share to it while all keeps running; asks first if there is data. Repeating completes what a crash left",
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
        var (change, settings, dryRun, yes, wanted) = (_arguments.Read(parse), _run.Read(parse), _change.IsDryRun(parse), _change.IsYes(parse), !parse.GetValue(_noRebalance));
        var retry = $"shardadmin {change.Command}{(wanted ? "" : " --no-rebalance")}";
        var ring = await session.RequireRingAsync(cancellation);
        await new ShardJoin(session, change.Shard).RequirePossibleAsync(ring, cancellation);
        var resumed = await new ChangeCourse(session, settings).CarryOnAsync(ring, dryRun, yes, retry, cancellation);
        var (plan, isMove) = wanted ? await PlanAsync(session, change, settings.Options.Rate.BytesPerSecond, cancellation) : (null, false);
        if (isMove && !dryRun)
            await session.Output.ConfirmAsync($"Move {Tables.Count(plan!.Slots)} slots with about {Tables.Bytes(plan.Bytes)} to {change.Shard.Id}?", yes, retry, cancellation);
        if (!isMove) // what a batch costs is then all that it costs, and hardly anybody writes
            settings = settings with { BatchSlots = settings.BatchSlots ?? MoveBatch.MaxSlots };
        var operation = plan?.Operation ?? Guid.NewGuid();
        var result = await change.JoinAsync(session, new SlotRebalance(session, settings), wanted, dryRun, operation, pinned: null, cancellation);
        result = result with { MovedSlots = result.MovedSlots + resumed, Ring = dryRun ? result.Ring : await session.RequireRingAsync(cancellation) };
        var isDetached = settings.Detach && result.Remaining > 0;
        Write(session, change.Shard, result, plan, isMove || result.Remaining > 0 ? operation : null, isDetached);
        if (isDetached)
            await AgentRegistry.WarnWithoutAgentAsync(session, operation, cancellation);
        return ExitCode.Done;
    }

    /// <returns>What it takes, null when it is the first one and takes everything; and whether that is a move, which is shown: without an item there is none.</returns>
    private static async Task<(MovePlan? Plan, bool IsMove)> PlanAsync(AdminSession session, AddShardChange change, double? bytesPerSecond, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        if (ring.IsEmpty)
            return (null, false);
        var plan = await change.PlanAsync(session, ring, cancellation);
        if (plan.Moves.Count == 0 || !await new ShardJoin(session, change.Shard).HoldsItemsAsync(ring.Shards, cancellation))
            return (plan, false);
        await MovePreflight.RequireAsync(session, ring, plan, cancellation);
        if (session.Output.ShowsTable)
            PlanTable.Render(session.Output.Results, plan, bytesPerSecond);
        return (plan, true);
    }

    /// <param name="operation">That moves its slots; null: none did.</param>
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
                isDetached ? $"Shard {shard.Id} has joined. An agent moves its {Tables.Count(result.Remaining)} slots: shardadmin ops watch {operation}" : Sentence(shard, result, slots)));
    }

    private static string Sentence(Shard shard, JoinResult result, int slots)
    {
        if (result.DryRun)
            return $"Dry run: shard {shard.Id} at {shard.Address} would own {Tables.Count(slots)} slots, {Tables.Count(result.MovedSlots)} of which would move. Nothing was changed.";
        if (!result.ChangedAnything)
            return $"Shard {shard.Id} at {shard.Address} is in the cluster already and owns {Tables.Count(slots)} slots. Nothing was changed.";
        var ended = result.EndedImports == 0 ? "" : $" {result.EndedImports} batches that it was importing for moves that are over were ended.";
        return slots > 0
            ? $"Shard {shard.Id} at {shard.Address} is in the cluster and owns {Tables.Count(slots)} slots, epoch {result.Ring.Epoch}.{ended}"
            : $"Shard {shard.Id} at {shard.Address} is in the cluster, epoch {result.Ring.Epoch}. It owns no slots yet.{ended}";
    }
}
