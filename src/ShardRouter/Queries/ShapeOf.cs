using ShardCore.Queries;
using ShardRouter.Items;

namespace ShardRouter.Queries;

/// <summary>Tells what a query is like without its values: those would be keys and parts of documents.</summary>
internal static class ShapeOf
{
    /// <summary>A longer text is cut, so that shapes are of bounded size. What is alike up to there is one shape.</summary>
    private const int MostCharacters = 400;

    /// <param name="query">The query.</param>
    /// <param name="index">The name of the index that serves it; null: none.</param>
    public static QueryShape Query(ItemQuery query, string? index = null)
    {
        var readsAll = query.IsInOrder || query.Items.Filter is not null || query.Items.Bounds.Count > 0;
        return new QueryShape(
            query.Items.Collection, "query", KindOf(query.Items, index, readsAll), Filter(query.Items),
            List(query.Order.Select(field => TextOf(field.Path) + (field.Descending ? " desc" : ""))), null, index);
    }

    /// <summary>What is computed does not count, only of which items and groups.</summary>
    /// <param name="query">The query.</param>
    /// <param name="index">The name of the index that serves it; null: none.</param>
    public static QueryShape Aggregate(AggregateQuery query, string? index = null)
    {
        var isCount = query is { GroupBy: [], Aggregates: [{ Kind: AggregateKind.Count, Path: null }] };
        return new QueryShape(
            query.Items.Collection, isCount ? "count" : "aggregate", KindOf(query.Items, index, readsAll: true), Filter(query.Items), null,
            List(query.GroupBy.Select(field => TextOf(field.Path))), index);
    }

    /// <summary>The path as a filter has it: <c>a.b</c>, or a JSON pointer if a name has a dot or a slash, or is empty.</summary>
    public static string TextOf(string[] path) => Printable(
        path.All(step => step.Length > 0 && step.AsSpan().IndexOfAny('.', '/') < 0)
            ? string.Join('.', path)
            : string.Concat(path.Select(step =>
                "/" + step.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal))));

    /// <summary>Callers write paths as they like, and operators look at them in a terminal, which obeys control characters.</summary>
    private static string Printable(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(each => char.IsControl(each) ? '?' : each)) : text;

    private static string KindOf(ItemSelection items, string? index, bool readsAll) =>
        items.PartitionKey is not null ? QueryKind.Partition
        : index is not null ? QueryKind.Indexed
        : readsAll ? QueryKind.Scan : QueryKind.Listing;

    private static string? Filter(ItemSelection items)
    {
        var conditions = items.Bounds.Select(
            bound => "[id] " + (bound.Operator switch { ">" => "gt", ">=" => "gte", "<" => "lt", _ => "lte" }));
        if (items.Filter is { } filter)
            conditions = conditions.Concat(Parts(filter, " and "));
        return Cut(Together(conditions, " and "));
    }

    /// <summary>
    /// The order of conditions does not count, nor how often one is repeated: a program that writes <c>or</c> for each of a list of values
    /// has one shape, however long the list.
    /// </summary>
    private static string Together(IEnumerable<string> parts, string word) =>
        string.Join(word, parts.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));

    /// <summary>The parts of a condition that stand in a row with <paramref name="word"/> between them.</summary>
    private static IEnumerable<string> Parts(FilterNode node, string word) => node switch
    {
        AllOf all when word == " and " => all.Nodes.SelectMany(each => Parts(each, word)),
        AnyOf any when word == " or " => any.Nodes.SelectMany(each => Parts(each, word)),
        AllOf all => [InBrackets(all.Nodes, " and ")],
        AnyOf any => [InBrackets(any.Nodes, " or ")],
        NotSo not => [$"not {InBrackets([not.Node], " and ")}"],
        FieldIs field => [$"{TextOf(field.Filter.Path)} {WordOf(field.Filter.Operator)}"],
        _ => throw new ArgumentOutOfRangeException(nameof(node), node, "There is no such filter."),
    };

    private static string InBrackets(IEnumerable<FilterNode> nodes, string word) =>
        $"({Together(nodes.SelectMany(each => Parts(each, word)), word)})";

    private static string WordOf(FieldOperator comparison) => comparison switch
    {
        FieldOperator.Eq => "eq",
        FieldOperator.Ne => "ne",
        FieldOperator.Gt => "gt",
        FieldOperator.Gte => "gte",
        FieldOperator.Lt => "lt",
        FieldOperator.Lte => "lte",
        FieldOperator.In => "in",
        FieldOperator.Prefix => "prefix",
        FieldOperator.Exists => "exists",
        _ => "contains",
    };

    private static string? List(IEnumerable<string> texts) => Cut(string.Join(", ", texts));

    private static string? Cut(string text)
    {
        if (text.Length <= MostCharacters)
            return text.Length == 0 ? null : text;
        var end = char.IsHighSurrogate(text[MostCharacters - 1]) ? MostCharacters - 1 : MostCharacters;
        return text[..end] + "…";
    }
}
