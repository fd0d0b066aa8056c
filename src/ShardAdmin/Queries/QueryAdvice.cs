using ShardAdmin.CommandLine;
using ShardCore.Queries;

namespace ShardAdmin.Queries;

/// <summary>What to do about queries of one shape.</summary>
/// <param name="Text">A sentence for people.</param>
/// <param name="Command">What to type; null: there is nothing.</param>
internal sealed record QueryAdvice(string Text, string? Command)
{
    /// <summary>A request that looks at fewer items needs no index.</summary>
    private const int FewItems = 1000;

    private const int MaxNameLength = 40;

    /// <param name="cost">Of the shape.</param>
    /// <param name="all">Of all shapes.</param>
    public static QueryAdvice Of(QueryCost cost, IEnumerable<QueryCost> all) => cost.Shape.Kind switch
    {
        QueryKind.Partition => new("reads one partition", null),
        QueryKind.Listing => new("reads what it shows", null),
        QueryKind.Indexed => new($"index {cost.Shape.Index} serves it", null),
        _ => OfScan(cost, all),
    };

    private static QueryAdvice OfScan(QueryCost cost, IEnumerable<QueryCost> all)
    {
        var since = all.FirstOrDefault(other =>
            other.Shape.Index is not null && other.LastAt >= cost.LastAt
            && other.Shape with { Index = null, Kind = cost.Shape.Kind } == cost.Shape);
        if (since is not null)
            return new($"index {since.Shape.Index} serves it now", null);
        if (cost.Scanned < FewItems * cost.Calls && cost.BudgetStops == 0 && cost.Failed == 0)
            return new("it looks at few items", null);
        if (cost.IndexFields.Count > 0)
            return new($"make an index on {string.Join(", ", cost.IndexFields.Select(field => field.Path))}", CommandFor(cost));
        return new(
            cost.Shape.Filter is null
                ? "it reads every item: ask less often, or name a partition"
                : "no index serves this filter: name a partition, or require a field to equal a value or to lie above or below one",
            null);
    }

    /// <returns>Null: a path cannot be an argument, as it has a colon.</returns>
    private static string? CommandFor(QueryCost cost)
    {
        if (cost.IndexFields.Any(field => field.Path.Contains(':', StringComparison.Ordinal)))
            return null;
        return CommandText.Of(
            ["indexes", "create", cost.Shape.Collection, NameFor(cost.IndexFields), .. cost.IndexFields.Select(ArgumentFor)]);
    }

    /// <summary>No query has told the type if it only orders by the field and has found nothing. A person knows it.</summary>
    private static string ArgumentFor(QueryIndexField field) => $"{field.Path}:{field.Type ?? "TYPE"}{(field.Descending ? ":desc" : "")}";

    private static string NameFor(IEnumerable<QueryIndexField> fields)
    {
        var name = "by_" + string.Concat(string.Join('_', fields.Select(field => field.Path.ToLowerInvariant()))
            .Select(each => char.IsAsciiLetterOrDigit(each) ? each : '_'));
        return name.Length > MaxNameLength ? name[..MaxNameLength] : name;
    }
}
