using System.CommandLine;
using ShardAdmin.Changes;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RemoveShardCommand : AdminCommand
{
    private readonly Option<bool> _forceEmpty = new("--force-empty")
    {
        Description = "For a dead shard that owns no slots: move nothing and do not connect to the shard",
    };

    private readonly RemoveShardArguments _arguments;
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public RemoveShardCommand()
        : base(
            "remove-shard",
            "Moves all slots of a shard to the other shards, while clients keep working, then removes the shard from the ring. "
            + "Asks first. Safe to repeat: the same command completes an interrupted one",
            "shardadmin remove-shard s4", "shardadmin remove-shard s4 --dry-run",
            "shardadmin remove-shard s4 --force-empty   # the shard is dead and owns no slots")
    {
        _arguments = new RemoveShardArguments(this);
        Options.Add(_forceEmpty);
        _run = new MoveRunOptions(this, mayDetach: true, plans: true);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var change = _arguments.Read(parse);
        if (!parse.GetValue(_forceEmpty))
            return await new ChangeCourse(session, _run.Read(parse))
                .RunAsync(change, _change.IsDryRun(parse), _change.IsYes(parse), cancellation);
        var ring = await session.RequireRingAsync(cancellation);
        change.RequirePossible(ring);
        return await RemoveEmptyAsync(session, ring, change.Shard, _change.IsDryRun(parse), cancellation);
    }

    private static async Task<ExitCode> RemoveEmptyAsync(
        AdminSession session, ShardRing ring, ShardId id, bool dryRun, CancellationToken cancellation)
    {
        if (ring.SlotsOf(id).Length is > 0 and var slots)
            throw new CommandFailedException(
                ExitCode.Precondition, $"Shard {id} owns {Tables.Counted(slots, "slot")}.",
                $"shardadmin remove-shard {id}   (moves them away first)");
        var others = ring.Shards.Where(shard => shard.Id != id).ToArray();
        var coming = (await MoveJournals.UnfinishedAsync(session, others, cancellation))
            .Where(each => each.Batch.Target == id).ToArray();
        if (coming.FirstOrDefault(each => each.Batch.IsReleased()) is { } released)
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"Operation {released.Batch.OperationId} has handed slots {SlotText.Of(released.Batch.Slots)} over to {id} already. "
                + $"No other shard may serve them, because {id} could come back.",
                $"restore {id}, then: shardadmin ops resume {released.Batch.OperationId}");
        var cancelled = coming.Length;
        if (!dryRun && coming.Length > 0)
        {
            session.LeftOff = $"Some batches on their way to {id} may be cancelled; the same command cancels the rest. "
                + "Every slot keeps its owner.";
            cancelled = await new OperationCancel(session).WithoutTargetAsync(
                ring, ring.Find(id)!, others, coming.Select(each => each.Batch.OperationId).Distinct(), cancellation);
        }
        if (!dryRun)
            ring = await new ShardListChange(session).PublishAsync(
                [id], shard => shard.Id != id, now => now.Shards.Where(each => each.Id != id), $"remove-shard {id} --force-empty",
                cancellation);
        session.Output.Write(
            new { shard = id.Value, dryRun, epoch = ring.Epoch.Value, cancelledBatches = cancelled },
            console => console.WriteLine(dryRun
                ? $"Dry run: {id} owns nothing and would be removed{Cancelled(cancelled)}. Nothing was changed."
                : $"Shard {id} is out of the ring, epoch {ring.Epoch}{Cancelled(cancelled)}."));
        return ExitCode.Done;
    }

    private static string Cancelled(int batches) => batches == 0
        ? ""
        : $"; on the way to it, and cancelled: {Tables.Counted(batches, "batch", "batches")}, whose slots stay where they are";
}
