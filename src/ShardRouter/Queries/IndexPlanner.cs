using System.Text.Json;
using ShardRouter.Indexes;
using ShardRouter.Items;

namespace ShardRouter.Queries;

/// <summary>Decides which index serves a query, so that callers are told before a shard reads everything. Pure.</summary>
/// <remarks>
/// An index serves a filter if each item must fulfil a comparison on the index's first field: eq, in, gt, gte, lt, lte or prefix. Further
/// comparisons go on with the next fields, as long as those before have eq. An index serves an order if its fields, after those with eq, are
/// those of the order, in either direction. A query with both needs one index for both.
/// </remarks>
internal static class IndexPlanner
{
    /// <param name="indexes">Those that are ready.</param>
    /// <param name="filter">Null: none.</param>
    /// <param name="order">Empty: none.</param>
    /// <param name="needsBound">False: an index that serves the order will do, even if it does not serve the filter.</param>
    /// <returns>The index that serves most; null: none serves what is asked.</returns>
    public static IndexUse? Choose(
        IReadOnlyList<IndexDefinition> indexes, FilterNode? filter, IReadOnlyList<SortField> order, bool needsBound)
    {
        if (filter is null && order.Count == 0)
            return null;
        var conditions = Conjuncts(filter).ToArray();
        return indexes.Select(index => Use(index, conditions, order))
            .Where(each => each is not null && (filter is null || !needsBound || each.Value.Use.Bounds.Count > 0))
            .OrderByDescending(each => each!.Value.Worth)
            .ThenBy(each => each!.Value.Use.Index.Name, StringComparer.Ordinal)
            .FirstOrDefault()?.Use;
    }

    /// <summary>
    /// The order in which an index gives the items of a filter, if nobody asks for another one.
    /// </summary>
    public static IReadOnlyList<SortField> OrderOf(IndexUse use) =>
        [.. use.Index.Fields.Select(field => new SortField(field.Steps, field.Descending))];

    private static (IndexUse Use, int Worth)? Use(IndexDefinition index, FieldFilter[] conditions, IReadOnlyList<SortField> order)
    {
        var (bounds, equal, used) = (new List<FieldBound>(), 0, 0);
        foreach (var field in index.Fields)
        {
            FieldBound[] here = [.. conditions.Where(each => each.Path.AsSpan().SequenceEqual(field.Steps)).Select(BoundOf).OfType<FieldBound>()];
            bounds.AddRange(here);
            used += here.Length;
            if (!Array.Exists(here, bound => bound.Kind == BoundKind.Equal))
                break;
            equal++;
        }
        if (order.Count > 0 && !Enumerable.Range(0, equal + 1).Any(from => IsOrder(index, from, order)))
            return null;
        var exactDirections = order.Count > 0 && Enumerable.Range(0, equal + 1)
            .Any(from => IsOrder(index, from, order) && order.Index().All(each => each.Item.Descending == index.Fields[from + each.Index].Descending));
        var isExact = used == conditions.Length && bounds.TrueForAll(bound => bound.Rank != SortValue.Rest);
        return (new IndexUse(index, bounds, isExact), (bounds.Count * 10) + (equal * 5) + (exactDirections ? 3 : 0));
    }

    private static bool IsOrder(IndexDefinition index, int from, IReadOnlyList<SortField> order) =>
        from + order.Count <= index.Fields.Count
        && order.Index().All(each => each.Item.Path.AsSpan().SequenceEqual(index.Fields[from + each.Index].Steps));

    /// <summary>
    /// The comparisons that must all hold. What stands under "or" or "not" bounds nothing, and is a condition that no index has.
    /// </summary>
    private static IEnumerable<FieldFilter> Conjuncts(FilterNode? filter) => filter switch
    {
        null => [],
        AllOf all => all.Nodes.SelectMany(Conjuncts),
        FieldIs field => [field.Filter],
        _ => [new FieldFilter([], FieldOperator.Ne, [])],
    };

    private static FieldBound? BoundOf(FieldFilter filter)
    {
        var values = filter.Values.Select(Parse).ToArray();
        return filter.Operator switch
        {
            FieldOperator.Eq => Bound(BoundKind.Equal),
            FieldOperator.In when values.All(value => value.Rank == values[0].Rank) => Bound(BoundKind.AnyOf),
            FieldOperator.Gt or FieldOperator.Gte => Bound(BoundKind.AtLeast),
            FieldOperator.Lt or FieldOperator.Lte => Bound(BoundKind.AtMost),
            FieldOperator.Prefix => Bound(BoundKind.Prefix),
            _ => null,
        };

        FieldBound Bound(BoundKind kind) => new(filter.Path, kind, values[0].Rank, [.. values.Select(value => value.Text)]);
    }

    private static (short Rank, string Text) Parse(string json) => json[0] switch
    {
        '"' => (SortValue.String, Shorten(JsonSerializer.Deserialize<string>(json)!)),
        't' => (SortValue.Boolean, "1"),
        'f' => (SortValue.Boolean, "0"),
        'n' => (SortValue.Rest, ""),
        _ => (SortValue.Number, json),
    };

    /// <summary>Of a text an index has the first characters, as Postgres counts them.</summary>
    private static string Shorten(string text)
    {
        if (text.Length <= SortValue.MostCharacters)
            return text;
        return string.Concat(text.EnumerateRunes().Take(SortValue.MostCharacters));
    }
}
