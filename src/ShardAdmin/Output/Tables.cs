using System.Globalization;
using Spectre.Console;

namespace ShardAdmin.Output;

/// <summary>Makes all tables look alike, and writes numbers as people read them.</summary>
internal static class Tables
{
    public static Table New(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (var column in columns)
            table.AddColumn(new TableColumn(column.TrimStart('>'))
            {
                NoWrap = true,
                Alignment = column.StartsWith('>') ? Justify.Right : Justify.Left,
            });
        return table;
    }

    /// <summary>Cells are text, never markup: a host name cannot colour the screen.</summary>
    public static Table Row(this Table table, params string?[] cells) =>
        table.AddRow([.. cells.Select(cell => new Text(cell ?? "–"))]);

    public static string Count(long? value) => value?.ToString("N0", CultureInfo.InvariantCulture) ?? "–";

    /// <summary>"1 slot", "1,024 slots".</summary>
    public static string Counted(long? count, string one) => Counted(count, one, one + "s");

    /// <param name="one">Of which there is one.</param>
    /// <param name="many">Where an "s" alone does not make it.</param>
    public static string Counted(long? count, string one, string many) => $"{Count(count)} {(count == 1 ? one : many)}";

    public static string Percent(double share) => (share * 100).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    public static string Milliseconds(double? value) => value?.ToString("0 ms", CultureInfo.InvariantCulture) ?? "–";

    public static string Bytes(long? value)
    {
        if (value is not { } bytes)
            return "–";
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var (size, unit) = ((double)bytes, 0);
        for (; size >= 1024 && unit < units.Length - 1; unit++)
            size /= 1024;
        return size.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + units[unit];
    }
}
