using ShardAdmin.Output;
using Spectre.Console;

namespace ShardAdmin.Operations;

/// <summary>Renders for each pair of shards how many of the slots have moved, as bars.</summary>
internal static class ShardBars
{
    private const int Width = 24;

    /// <param name="pairs">The number of slots, and how many have moved; for a running batch a fraction of its slots.</param>
    public static Table Of(IEnumerable<(string From, string To, int Slots, double Done)> pairs)
    {
        var table = Tables.New("from", "to", ">slots", "", ">done");
        foreach (var same in pairs.GroupBy(each => (each.From, each.To))
            .OrderBy(same => same.Key.From, StringComparer.Ordinal).ThenBy(same => same.Key.To, StringComparer.Ordinal))
        {
            var (slots, done) = (same.Sum(each => each.Slots), same.Sum(each => each.Done));
            table.Row(
                same.Key.From, same.Key.To, Tables.Count(slots), Bar(done / Math.Max(1, slots)),
                Tables.Percent(done / Math.Max(1, slots)));
        }
        return table;
    }

    /// <param name="share">0…1</param>
    public static string Bar(double share)
    {
        var full = (int)Math.Round(Math.Clamp(share, 0, 1) * Width);
        return new string('█', full) + new string('░', Width - full);
    }

    /// <summary>
    /// The finished part of a running batch: the copied bytes of the estimated bytes, at most 95%. The rest is for catching up and the
    /// hand-over.
    /// </summary>
    public static double ShareOf(long bytes, long planned) => planned <= 0 ? 0 : Math.Min(0.95, (double)bytes / planned);
}
