using System.CommandLine;
using ShardAdmin.Agents;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsResumeCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: false);
    private readonly Option<bool> _takeOver = new("--take-over") { Description = "Also if another process seems to work on it: that one is ended safely at its next step" };
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public OpsResumeCommand()
        : base(
            "resume", "Carries on what was interrupted or paused, from wherever it stands; without an id everything unfinished (exit 3 if nothing is)",
            "shardadmin ops resume", "shardadmin ops resume ID --rate 20MiB/s", "shardadmin ops resume ID --detach   # an agent carries it on")
    {
        Arguments.Add(_id);
        Options.Add(_takeOver);
        _run = new MoveRunOptions(this, mayDetach: true);
        _change = new ChangeOptions(this);
        Validators.Add(result =>
        {
            if (_run.IsDetached(result) && result.GetResult(_takeOver) is { Implicit: false })
                result.AddError("--detach leaves the work to an agent, which takes over by itself from a process that hangs.");
        });
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        Guid? id = parse.GetValue(_id) is { } text ? Guid.Parse(text) : null;
        var (settings, dryRun) = (_run.Read(parse), _change.IsDryRun(parse));
        var ring = await session.RequireRingAsync(cancellation);
        if (id is null && !dryRun)
            await PutBackAsync(session, ring, cancellation);
        SourcedBatch[] left = [.. (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => id is null || each.Batch.OperationId == id)];
        var moved = 0;
        if (!dryRun && settings.Detach)
            await LeaveToAgentsAsync(session, ring, left, cancellation);
        else if (!dryRun)
            moved = await new SlotRebalance(session, settings).ResumeAsync(ring, id, parse.GetValue(_takeOver), cancellation);
        if (moved == 0 && (left.Length == 0 || !(dryRun || settings.Detach)))
            throw OperationArgument.NotFound(id, "resume");
        var (operations, slots) = (left.Select(each => each.Batch.OperationId).Distinct().ToArray(), left.Sum(each => each.Batch.Slots.Length));
        var epoch = (await session.RequireRingAsync(cancellation)).Epoch;
        session.Output.Write(new { operations, dryRun, detached = settings.Detach && !dryRun, plannedSlots = slots, movedSlots = moved, epoch = epoch.Value }, console => console.WriteLine(
            dryRun ? $"Dry run: {Tables.Count(slots)} slots of {operations.Length} operations would be carried on. Nothing was changed."
            : settings.Detach ? $"Resumed: {Tables.Count(slots)} slots are left. An agent carries it on: shardadmin ops watch {operations[0]}"
            : $"Resumed and completed: {Tables.Count(moved)} slots, epoch {epoch}."));
        return ExitCode.Done;
    }

    /// <summary>What a shard lost whole, with its journal, is interrupted work too.</summary>
    private static async Task PutBackAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        if (await new LostReleases(session).PutBackAsync(ring.Shards, cancellation) is > 0 and var count)
            session.Output.Note($"{count} batches that a shard had given away and forgotten are in its journal again.");
    }

    private static async Task LeaveToAgentsAsync(AdminSession session, ShardRing ring, IReadOnlyCollection<SourcedBatch> left, CancellationToken cancellation)
    {
        session.LeftOff = "Some of it may wait for an agent already; the same command goes on.";
        foreach (var operation in left.Select(each => each.Batch.OperationId).Distinct())
        {
            await MoveJournals.WishAsync(session, ring.Shards, operation, MoveWish.Run, cancellation);
            await AgentRegistry.WarnWithoutAgentAsync(session, operation, cancellation);
        }
    }
}
