using ShardCore.Queries;
using ShardRouter.Items;

namespace ShardRouter.Queries;

/// <summary>
/// Tells the fields of an index that would serve a query over all partitions: first those that equal a value, then those of the order, or
/// without an order one that lies between values.
/// </summary>
internal static class FittingIndex
{
    private const int MostFields = 3;

    /// <param name="query">The query.</param>
    /// <param name="first">The key of an item that was found; it tells the types of the order. Null: nothing was found.</param>
    /// <returns>Empty: no index serves it.</returns>
    public static IReadOnlyList<QueryIndexField> Of(ItemQuery query, SortKey? first)
    {
        var order = query.Order.Select(
            (field, i) => new QueryIndexField(ShapeOf.TextOf(field.Path), TypeOf(first?.Values[i]), field.Descending));
        return Of(query.Items, [.. order]);
    }

    /// <summary>Groups are computed of what the filter finds, so only the filter counts.</summary>
    public static IReadOnlyList<QueryIndexField> Of(AggregateQuery query) => Of(query.Items, []);

    private static IReadOnlyList<QueryIndexField> Of(ItemSelection items, IReadOnlyList<QueryIndexField> order)
    {
        if (items.PartitionKey is not null)
            return [];
        var conditions = Required(items.Filter).ToList();
        var equal = Fields(conditions, FieldOperator.Eq).ToList();
        var last = order.Count > 0
            ? order.Select(field => field with { Type = field.Type ?? TypeIn(conditions, field.Path) })
            : Fields(conditions, FieldOperator.In)
                .Concat(Fields(conditions, FieldOperator.Gt, FieldOperator.Gte, FieldOperator.Lt, FieldOperator.Lte, FieldOperator.Prefix))
                .Take(1);
        return [.. equal.Concat(last).DistinctBy(field => field.Path, StringComparer.Ordinal).Take(MostFields)];
    }

    /// <summary>What every item has to fulfil. Within <c>or</c> and <c>not</c> nothing is required.</summary>
    private static IEnumerable<FieldFilter> Required(FilterNode? node) => node switch
    {
        AllOf all => all.Nodes.SelectMany(Required),
        FieldIs field => [field.Filter],
        _ => [],
    };

    private static IEnumerable<QueryIndexField> Fields(IEnumerable<FieldFilter> conditions, params FieldOperator[] operators) =>
        from condition in conditions
        where operators.Contains(condition.Operator) && TypeOf(condition.Values[0]) is not null
        select new QueryIndexField(ShapeOf.TextOf(condition.Path), TypeOf(condition.Values[0]), Descending: false);

    private static string? TypeIn(IEnumerable<FieldFilter> conditions, string path) => conditions
        .Where(condition => condition.Operator != FieldOperator.Exists && ShapeOf.TextOf(condition.Path) == path)
        .Select(condition => TypeOf(condition.Values[0])).FirstOrDefault(type => type is not null);

    /// <returns>Null: it is null, which an index cannot find.</returns>
    private static string? TypeOf(string json) => json[0] switch
    {
        '"' => "text",
        't' or 'f' => "boolean",
        'n' => null,
        _ => "number",
    };

    private static string? TypeOf(SortValue? value) => value?.Rank switch
    {
        SortValue.Number => "number",
        SortValue.String => "text",
        SortValue.Boolean => "boolean",
        _ => null,
    };
}
