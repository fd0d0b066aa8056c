using System.Globalization;
using ShardAdmin.Output;
using ShardCore.Queries;
using Spectre.Console;

namespace ShardAdmin.Queries;

/// <summary>The queries of one shape, with what to do about them.</summary>
/// <param name="Text">Filter, order and groups as people read them.</param>
/// <param name="ScannedPerReturned">Items looked at for each one in the answer; null: it gave none, or it counts or computes.</param>
/// <param name="Cost">All that routers tell of it.</param>
internal sealed record QueryLine(string Text, double? ScannedPerReturned, string Advice, string? Command, QueryCost Cost)
{
    public static IReadOnlyList<QueryLine> Of(IReadOnlyList<QueryCost> costs, string? collection, QueryOrder by, int limit) =>
    [
        .. costs.Where(cost => collection is null || cost.Shape.Collection == collection)
            .OrderByDescending(cost => Measure(cost, by)).ThenByDescending(cost => cost.ShardSeconds).Take(limit)
            .Select(cost =>
            {
                var advice = QueryAdvice.Of(cost, costs);
                return new QueryLine(TextOf(cost.Shape), PerReturned(cost), advice.Text, advice.Command, cost);
            }),
    ];

    public static Table Table(IEnumerable<QueryLine> lines)
    {
        var table = Tables.New("collection", "operation", "shape", ">calls", ">scanned for each", ">shard time", ">longest", "what to do");
        foreach (var wide in (int[])[2, 7])
            table.Columns[wide].NoWrap = false;
        foreach (var (text, perReturned, advice, command, cost) in lines)
            table.Row(
                cost.Shape.Collection, cost.Shape.Operation, text, Tables.Count(cost.Calls), Scanned(cost, perReturned),
                Seconds(cost.ShardSeconds), Seconds(cost.LongestSeconds),
                advice + (command is null ? "" : ": " + command) + Troubles(cost));
        return table;
    }

    private static double Measure(QueryCost cost, QueryOrder by) => by switch
    {
        QueryOrder.Scanned => cost.Scanned,
        QueryOrder.Calls => cost.Calls,
        _ => cost.ShardSeconds,
    };

    private static string TextOf(QueryShape shape) => string.Concat(
        shape.Kind == QueryKind.Partition ? "one partition: " : "", shape.Filter ?? "all items",
        shape.OrderBy is { } order ? $" order by {order}" : "", shape.GroupBy is { } groups ? $" group by {groups}" : "");

    private static double? PerReturned(QueryCost cost) =>
        cost.Shape.Operation == "query" && cost.Returned > 0 ? Math.Round((double)cost.Scanned / cost.Returned, 1) : null;

    private static string Scanned(QueryCost cost, double? perReturned) => perReturned is { } each
        ? each.ToString(each < 10 ? "0.0" : "N0", CultureInfo.InvariantCulture)
        : $"{Tables.Count(cost.Scanned / Math.Max(1, cost.Calls))} a call";

    private static string Seconds(double seconds) => seconds < 10
        ? Tables.Milliseconds(seconds * 1000)
        : seconds.ToString("N0", CultureInfo.InvariantCulture) + " s";

    private static string Troubles(QueryCost cost) => string.Concat(
        cost.BudgetStops > 0 ? $"; the time to search was over {Times(cost.BudgetStops)}" : "",
        cost.Failed > 0 ? $"; {Times(cost.Failed)} there was no answer" : "");

    private static string Times(long count) => Tables.Counted(count, "time");
}

/// <summary>What makes a query one that costs much.</summary>
internal enum QueryOrder
{
    Time,
    Scanned,
    Calls,
}
