using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Rebalancing;

/// <summary>The course of every command that moves: plan shown, pre-flight, question, run, result.</summary>
internal static class MoveResult
{
    /// <param name="run">Answers how many slots were moved.</param>
    /// <param name="nothing">The sentence when there is nothing to move.</param>
    public static async Task<ExitCode> RunAsync(
        AdminSession session, SlotRebalance rebalance, ShardRing ring, MovePlan plan, string retry, bool dryRun, bool yes, Func<Task<int>> run, string nothing, CancellationToken cancellation)
    {
        if (plan.Moves.Count > 0)
        {
            rebalance.Show(plan);
            await MovePreflight.RequireAsync(session, ring, plan, cancellation);
            if (!dryRun)
                await session.Output.ConfirmAsync($"Move {Tables.Count(plan.Slots)} slots with about {Tables.Bytes(plan.Bytes)}?", yes, retry, cancellation);
        }
        var moved = dryRun ? 0 : await run();
        var epoch = (await session.RequireRingAsync(cancellation)).Epoch;
        session.Output.Write(
            new
            {
                operation = plan.Moves.Count > 0 ? plan.Operation : (Guid?)null,
                dryRun,
                plannedSlots = plan.Slots,
                movedSlots = moved,
                estimatedBytes = plan.Bytes,
                moves = plan.Moves.Select(move => new { from = move.From.Id.Value, to = move.To.Id.Value, slots = SlotText.Of(move.Slots, int.MaxValue), bytes = move.Bytes }),
                balance = plan.Balance,
                epoch = epoch.Value,
            },
            console => console.WriteLine(
                dryRun && plan.Slots > 0 ? $"Dry run: {Tables.Count(plan.Slots)} slots would move. Nothing was changed."
                : moved > 0 ? $"Moved {Tables.Count(moved)} slots, epoch {epoch}. Operation {plan.Operation}."
                : nothing));
        return ExitCode.Done;
    }
}
