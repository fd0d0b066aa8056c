namespace Workbench;

/// <summary>A table that is also readable as plain text: its cells are padded, and figures are aligned to the right.</summary>
internal static class MarkdownTable
{
    public static string Of(string[] head, IEnumerable<string[]> rows)
    {
        string[][] all = [head, .. rows];
        var widths = head.Select((_, column) => all.Max(row => row[column].Length)).ToArray();
        IEnumerable<string> lines =
        [
            Line(head, widths),
            "|" + string.Join('|', widths.Select((width, column) => new string('-', width + 1) + (column == 0 ? "-" : ":"))) + "|",
            .. all[1..].Select(row => Line(row, widths)),
        ];
        return string.Join('\n', lines) + "\n";
    }

    private static string Line(string[] cells, int[] widths) =>
        "| " + string.Join(" | ", cells.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))) + " |";
}
