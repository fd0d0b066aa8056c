using ShardRouter.Indexes;
using ShardRouter.Refusals;

namespace ShardRouter.Queries;

/// <summary>
/// Decides how a query is answered: by an index, in the order of the items, or by looking at all of them. Who asks for the last has to say
/// so.
/// </summary>
internal static class QueryPlanner
{
    /// <summary>
    /// One partition is read by its key. A query without an order comes in the order of the index that serves its filter. Its next pages
    /// come in the same order, whatever has become of that index.
    /// </summary>
    /// <param name="query">As it was asked.</param>
    /// <param name="allowsScan">Whether its author wants it answered without an index too.</param>
    /// <param name="after">Null: this is the first page.</param>
    /// <param name="indexes">Those that are ready.</param>
    /// <exception cref="ProblemException">unindexed-query.</exception>
    public static ItemQuery Plan(
        ItemQuery query, bool allowsScan, PagePlace? after, IReadOnlyList<IndexDefinition> indexes)
    {
        var (items, order) = (query.Items, query.IsInOrder ? query.Order : after?.Order ?? []);
        var use = items.PartitionKey is not null || (after is not null && order.Count == 0)
            ? null
            : IndexPlanner.Choose(indexes, items.Filter, order, needsBound: true);
        if (items.PartitionKey is null && !allowsScan && ((use is null && NeedsIndex(items, order)) || (items.Filter is null && LooksAtAll(query))))
            throw new ProblemException(Problems.UnindexedQuery(items.Collection));
        if (order.Count > 0 && items.PartitionKey is null)
            use ??= IndexPlanner.Choose(indexes, items.Filter, order, needsBound: false);
        return query with
        {
            Order = use is not null && order.Count == 0 ? IndexPlanner.OrderOf(use) : order,
            After = after?.Last,
            SlotsAtOnce = after?.SlotsAtOnce ?? 0,
            Index = use is null ? null : use with { IsExact = use.IsExact && items.Bounds.Count == 0 && items.Partitions is null },
        };
    }

    /// <summary>The index that serves what a count or an aggregate asks for.</summary>
    /// <returns>Null: the items are looked at.</returns>
    /// <exception cref="ProblemException">unindexed-query.</exception>
    public static IndexUse? Plan(ItemSelection items, bool allowsScan, IReadOnlyList<IndexDefinition> indexes)
    {
        if (items.PartitionKey is not null)
            return null;
        var use = items.Filter is null ? null : IndexPlanner.Choose(indexes, items.Filter, [], needsBound: true);
        return use is not null || allowsScan ? use : throw new ProblemException(Problems.UnindexedQuery(items.Collection));
    }

    /// <summary>A page without any condition and order ends after its items.</summary>
    private static bool NeedsIndex(ItemSelection items, IReadOnlyList<SortField> order) =>
        order.Count > 0 || items.Filter is not null || items.Bounds.Count > 0;

    private static bool LooksAtAll(ItemQuery query) => query.Count == CountKind.Exact || query.Items.Bounds.Count > 0;
}
