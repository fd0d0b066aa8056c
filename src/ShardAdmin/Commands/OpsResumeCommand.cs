using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsResumeCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: false);
    private readonly Option<bool> _takeOver = new("--take-over")
    {
        Description = "Continue also if another process seems to work on the operation; that process fails safely at its next step",
    };

    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public OpsResumeCommand()
        : base(
            "resume",
            "Continues an interrupted or paused operation where it stands. Without an ID it continues every unfinished operation "
            + "(exit 3: there is none)",
            "shardadmin ops resume", "shardadmin ops resume ID --rate 20MiB/s",
            "shardadmin ops resume ID --detach   # an agent continues it")
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
        var (settings, dryRun) = (_run.Read(parse), _change.IsDryRun(parse));
        var ring = await session.RequireRingAsync(cancellation);
        Guid? id = parse.GetValue(_id) is { } text ? await OperationArgument.ReadAsync(text, session, ring, cancellation) : null;
        if (id is null && !dryRun)
            await PutBackAsync(session, ring, cancellation);
        SourcedBatch[] left = [.. (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation))
            .Where(each => id is null || each.Batch.OperationId == id)];
        var moved = 0;
        if (!dryRun && settings.Detach)
            await LeaveToAgentsAsync(session, ring, left, cancellation);
        else if (!dryRun)
            moved = await new SlotRebalance(session, settings).ResumeAsync(ring, id, parse.GetValue(_takeOver), cancellation);
        if (moved == 0 && (left.Length == 0 || !(dryRun || settings.Detach)))
            throw OperationArgument.NotFound(id, "resume");
        var operations = left.Select(each => each.Batch.OperationId).Distinct().ToArray();
        var slots = left.Sum(each => each.Batch.Slots.Length);
        var epoch = (await session.RequireRingAsync(cancellation)).Epoch;
        var detached = settings.Detach && !dryRun;
        var result = new { operations, dryRun, detached, plannedSlots = slots, movedSlots = moved, epoch = epoch.Value };
        session.Output.Write(result, console => console.WriteLine(
            dryRun
                ? $"Dry run: {Tables.Counted(slots, "slot")} of {Tables.Counted(operations.Length, "operation")} would be continued. "
                    + "Nothing was changed."
            : detached ? $"Resumed: {Tables.Counted(slots, "slot")} left. An agent continues: shardadmin ops watch {operations[0]}"
            : $"Resumed and completed: {Tables.Counted(moved, "slot")}, epoch {epoch}."));
        return ExitCode.Done;
    }

    /// <summary>A batch whose journal entry a shard lost is interrupted work too: this puts the entry back.</summary>
    private static async Task PutBackAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        if (await new LostReleases(session).PutBackAsync(ring.Shards, cancellation) is > 0 and var count)
            session.Output.Note(
                "In a shard's journal again, because the shard had handed them over and lost the entries: "
                + $"{Tables.Counted(count, "batch", "batches")}.");
    }

    private static async Task LeaveToAgentsAsync(
        AdminSession session, ShardRing ring, IReadOnlyCollection<SourcedBatch> left, CancellationToken cancellation)
    {
        session.LeftOff = "Some operations may wait for an agent already. The same command completes the rest.";
        foreach (var operation in left.Select(each => each.Batch.OperationId).Distinct())
        {
            await MoveJournals.WishAsync(session, ring.Shards, operation, MoveWish.Run, cancellation);
            await AgentRegistry.WarnWithoutAgentAsync(session, operation, cancellation);
        }
    }
}
