using static ShardRouter.Queries.PageStatement;

namespace ShardRouter.Queries;

/// <summary>Puts the parts of a page together that shards have given.</summary>
internal static class PageMerge
{
    public const long MostPageBytes = 4 * 1024 * 1024;

    /// <param name="query">The page.</param>
    /// <param name="parts">Of each shard, for each time that it was asked. No slot is in two of them.</param>
    public static QueryPage Merge(ItemQuery query, IReadOnlyList<PagePart> parts)
    {
        var order = Comparer<SortKey?>.Create((left, right) => SortKey.Compare(left!, right!, query.Order));
        var ended = parts.Where(part => part.ReadUpTo is not null).MinBy(part => part.ReadUpTo, order);
        var rows = parts.SelectMany(part => part.Rows).Where(row => ended is null || order.Compare(row.Key, ended.ReadUpTo) <= 0).ToList();
        rows.Sort((left, right) => order.Compare(left.Key, right.Key));
        var (kept, bytes) = (0, 0L);
        while (kept < rows.Count && kept < query.Limit && (kept == 0 || bytes + rows[kept].Bytes <= MostPageBytes))
            bytes += rows[kept++].Bytes;
        if (kept < rows.Count)
            return Page(rows[kept - 1].Key, kept == query.Limit ? StopReason.Limit : StopReason.Bytes);
        return ended is null ? Page(null, StopReason.None) : Page(ended.ReadUpTo, kept == query.Limit ? StopReason.Limit : ended.Stop);

        QueryPage Page(SortKey? readUpTo, StopReason stop) => new(rows.GetRange(0, kept), readUpTo, stop, [], [], null, default);
    }

    /// <summary>
    /// An item may change its place between two readings, and would then be in the page twice. What was read later counts.
    /// </summary>
    public static IEnumerable<PagePart> Without(IEnumerable<PagePart> earlier, IEnumerable<PagePart> later)
    {
        var again = later.SelectMany(part => part.Rows).Select(row => (row.Key.PartitionKey, row.Key.Id)).ToHashSet();
        return earlier.Select(part => part with { Rows = [.. part.Rows.Where(row => !again.Contains((row.Key.PartitionKey, row.Key.Id)))] });
    }
}
