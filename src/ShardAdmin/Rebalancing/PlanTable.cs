using ShardAdmin.Output;
using Spectre.Console;

namespace ShardAdmin.Rebalancing;

/// <summary>A plan for people: which slots go where, and the balance before and after.</summary>
internal static class PlanTable
{
    public static void Render(IAnsiConsole console, MovePlan plan)
    {
        if (plan.Moves.Count == 0)
            return;
        var moves = Tables.New("from", "to", ">slots", ">about", "which");
        foreach (var move in plan.Moves)
            moves.Row(move.From.Id.Value, move.To.Id.Value, Tables.Count(move.Slots.Length), Tables.Bytes(move.Bytes), SlotText.Of(move.Slots, 4));
        console.Write(moves);
        var balance = Tables.New("shard", ">weight", ">slots before", ">after", ">bytes before", ">after");
        foreach (var shard in plan.Balance)
            balance.Row(shard.Shard, $"{shard.Weight}", Tables.Count(shard.Before), Tables.Count(shard.After), Tables.Bytes(shard.BytesBefore), Tables.Bytes(shard.BytesAfter));
        console.Write(balance);
    }
}
