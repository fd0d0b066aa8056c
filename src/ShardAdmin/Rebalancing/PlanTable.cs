using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardCore.Moves.Throttling;
using Spectre.Console;

namespace ShardAdmin.Rebalancing;

/// <summary>Renders a plan for people: which slots move to which shard, and the balance before and after.</summary>
internal static class PlanTable
{
    /// <param name="bytesPerSecond">The limit given by --rate; null: the speed depends on the load, so no time is estimated.</param>
    public static void Render(IAnsiConsole console, MovePlan plan, double? bytesPerSecond = null)
    {
        if (plan.Moves.Count == 0)
            return;
        var moves = Tables.New("from", "to", ">slots", ">about", "which");
        foreach (var move in plan.Moves)
            moves.Row(
                move.From.Id.Value, move.To.Id.Value, Tables.Count(move.Slots.Length), Tables.Bytes(move.Bytes),
                SlotText.Of(move.Slots, 4));
        console.Write(moves);
        var balance = Tables.New("shard", ">weight", ">slots before", ">after", ">bytes before", ">after");
        foreach (var shard in plan.Balance)
            balance.Row(
                shard.Shard, $"{shard.Weight}", Tables.Count(shard.Before), Tables.Count(shard.After), Tables.Bytes(shard.BytesBefore),
                Tables.Bytes(shard.BytesAfter));
        console.Write(balance);
        if (bytesPerSecond is not { } rate)
            return;
        var time = TimeLeft.About(TimeSpan.FromSeconds(plan.Bytes * (1 + CopyRate.ComparedShare) / rate));
        console.WriteLine(
            $"With --rate {Tables.Bytes((long)rate)}/s the move takes about {time}; longer if it has to slow down for clients.");
    }
}
