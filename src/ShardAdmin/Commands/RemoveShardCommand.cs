using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RemoveShardCommand : AdminCommand
{
    private readonly Argument<string> _id = new("ID") { Description = "The shard to be emptied and taken out of the ring" };
    private readonly Option<bool> _forceEmpty = new("--force-empty") { Description = "Move nothing, and do not ask the shard itself; only if it owns nothing" };
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public RemoveShardCommand()
        : base(
            "remove-shard", "Moves everything away from a shard while all keeps running, then takes it out of the ring; asks first. Repeating completes what was interrupted",
            "shardadmin remove-shard s4", "shardadmin remove-shard s4 --dry-run", "shardadmin remove-shard s4 --force-empty   # dead, and owns nothing")
    {
        Arguments.Add(_id);
        Options.Add(_forceEmpty);
        _run = new MoveRunOptions(this);
        _change = new ChangeOptions(this);
        _id.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !ShardId.IsValid(result.Tokens[0].Value))
                result.AddError($"'{result.Tokens[0].Value}' is not a shard id.");
        });
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var id = new ShardId(parse.GetRequiredValue(_id));
        var ring = await session.RequireRingAsync(cancellation);
        var shard = ring.Find(id) ?? throw new CommandFailedException(ExitCode.NotFound, $"There is no shard {id}.", "shardadmin ring show");
        if (!ring.Shards.Any(each => each.Id != id && each.State == ShardState.Active))
            throw new CommandFailedException(ExitCode.Precondition, $"Shard {id} is the last one that can own slots; nobody could take its {ring.SlotsOf(id).Length}.", "shardadmin add-shard --help");
        var (dryRun, rebalance) = (_change.IsDryRun(parse), new SlotRebalance(session, _run.Read(parse)));
        if (parse.GetValue(_forceEmpty))
            return await RemoveEmptyAsync(session, ring, id, dryRun, cancellation);
        if (!dryRun)
        {
            await rebalance.CarryOnAsync(ring, cancellation);
            ring = await session.RequireRingAsync(cancellation);
        }
        var known = await RingKnowledge.ReadAsync(session, ring, [], cancellation);
        known.RequireNotSetBack([id]);
        known.RequireOwnersAgree();
        Shard[] draining = [.. ring.Shards.Select(each => each.Id == id ? each with { State = ShardState.Draining } : each)];
        var plan = await rebalance.PlanAsync(draining, ring.Owners, [.. RingPlanner.Plan(ring.Owners, draining).Moves.Where(move => move.From == id)], cancellation);
        return await MoveResult.RunAsync(
            session, rebalance, ring, plan, $"shardadmin remove-shard {id}", dryRun, _change.IsYes(parse),
            () => RunAsync(session, rebalance, shard, plan, cancellation), dryRun ? $"Dry run: {id} owns nothing and would be removed. Nothing was changed." : $"Shard {id} is out of the ring.", cancellation);
    }

    private static async Task<int> RunAsync(AdminSession session, SlotRebalance rebalance, Shard shard, MovePlan plan, CancellationToken cancellation)
    {
        session.LeftOff = $"Shard {shard.Id} may be draining; it still serves what it owns. The same command goes on.";
        var changes = new ShardListChange(session);
        var ring = await changes.PublishAsync(
            [shard.Id], _ => true, now => now.Shards.Select(each => each.Id == shard.Id ? each with { State = ShardState.Draining } : each), $"remove-shard {shard.Id}: drain", cancellation);
        var moved = await rebalance.RunAsync(ring, plan, $"remove-shard {shard.Id}", cancellation);
        await session.Failpoint.ReachedAsync("drained", cancellation);
        await changes.PublishAsync([shard.Id], _ => true, now => now.Shards.Where(each => each.Id != shard.Id), $"remove-shard {shard.Id}", cancellation);
        return moved;
    }

    private static async Task<ExitCode> RemoveEmptyAsync(AdminSession session, ShardRing ring, ShardId id, bool dryRun, CancellationToken cancellation)
    {
        if (ring.SlotsOf(id).Length is > 0 and var slots)
            throw new CommandFailedException(ExitCode.Precondition, $"Shard {id} owns {slots} slots.", $"shardadmin remove-shard {id}   (moves them away first)");
        var others = ring.Shards.Where(shard => shard.Id != id).ToArray();
        if ((await MoveJournals.UnfinishedAsync(session, others, cancellation)).FirstOrDefault(each => each.Batch.Target == id) is { } coming)
            throw new CommandFailedException(ExitCode.Conflict, $"Operation {coming.Batch.OperationId} moves slots to {id}.", $"shardadmin ops cancel {coming.Batch.OperationId}");
        if (!dryRun)
            ring = await new ShardListChange(session).PublishAsync([id], shard => shard.Id != id, now => now.Shards.Where(each => each.Id != id), $"remove-shard {id} --force-empty", cancellation);
        session.Output.Write(
            new { shard = id.Value, dryRun, epoch = ring.Epoch.Value },
            console => console.WriteLine(dryRun ? $"Dry run: {id} owns nothing and would be removed. Nothing was changed." : $"Shard {id} is out of the ring, epoch {ring.Epoch}."));
        return ExitCode.Done;
    }
}
