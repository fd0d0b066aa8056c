using System.Globalization;
using ShardAdmin.Output;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ShardAdmin.Operations;

/// <summary>Renders one operation for people: who moves which slots, and how far each batch is.</summary>
internal static class OperationTable
{
    public static void Render(IAnsiConsole console, OperationLine operation)
    {
        console.WriteLine(
            $"{operation.State}: {operation.Command ?? "move"}, {operation.SlotsDone} of {operation.Slots} slots, "
            + $"{Tables.Counted(operation.Rows, "row")}, {Tables.Bytes(operation.Bytes)} copied");
        console.WriteLine(
            $"planned by {operation.PlannedBy} at {Time(operation.StartedAt)}, last continued by {operation.StartedBy}"
            + $"{(operation.EndedAt is { } end ? $", ended at {Time(end)}" : "")}");
        if (operation.Mover is { } mover)
            console.WriteLine($"working on it: {mover}");
        console.Write(Batches(operation.BatchList));
    }

    public static IRenderable Batches(IEnumerable<BatchLine> batches)
    {
        var table = Tables.New(
            "from", "to", ">slots", "phase", "step", ">attempt", ">rows", ">copied", ">changes", ">lag", ">pause", "last seen", "problem");
        foreach (var line in batches)
            table.Row(
                line.Source, line.Target, $"{line.SlotCount}", line.Phase, line.Step, $"{line.Attempt}", Tables.Count(line.Rows),
                Tables.Bytes(line.Bytes), Tables.Count(line.Changes),
                Tables.Milliseconds(line.LagMs), Tables.Milliseconds(line.PauseMs), Time(line.SeenAt), line.Problem);
        return table;
    }

    private static string Time(DateTime time) => time.ToString("u", CultureInfo.InvariantCulture);
}
