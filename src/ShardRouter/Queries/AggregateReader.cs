using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using ShardRouter.Keys;
using ShardRouter.Payload;
using ShardRouter.Queries.Costs;
using ShardRouter.Refusals;

namespace ShardRouter.Queries;

/// <summary>Computes over the items of all shards: each shard over its own, and here what they say is put together, exactly.</summary>
internal sealed class AggregateReader(Scatter scatter, QueryStatistics statistics)
{
    /// <param name="query">What is to be computed.</param>
    /// <param name="slots">The slots of the items.</param>
    /// <param name="before">Called for each shard before it is asked.</param>
    /// <param name="partial">True: shards that fail are left out.</param>
    /// <param name="share">The request's.</param>
    /// <param name="deadline">The request's.</param>
    /// <exception cref="ProblemException">too-many-groups, overloaded.</exception>
    public async Task<Scattered<IReadOnlyList<GroupPart>>> ReadAsync(
        AggregateQuery query, SlotSet slots, BeforeShard before, bool partial, PayloadShare share, CancellationToken deadline)
    {
        var (meter, returned) = (new QueryMeter(), (int?)null);
        try
        {
            var scattered = await scatter.RunAsync(
                "aggregate", query.Items.Among(slots), before,
                (call, asked) => AggregateStatement.ExecuteAsync(call, query, asked, share, meter), partial,
                meter, deadline);
            if (scattered.Failure is null)
                returned = query.GroupBy.Count == 0 ? 1 : scattered.Answers.Sum(each => each.Value.Count);
            return scattered;
        }
        finally
        {
            statistics.Add(
                ShapeOf.Aggregate(query, query.Index?.Index.Name), FittingIndex.Of(query), meter,
                new QueryEnd(returned, IsLaterPage: false, IsCutByBudget: false));
        }
    }

    /// <returns>The groups in the wanted order, each with one result for each aggregate, as JSON.</returns>
    /// <exception cref="ProblemException">too-many-groups.</exception>
    public static IReadOnlyList<(string[] Key, string[] Results)> Merge(AggregateQuery query, IEnumerable<IReadOnlyList<GroupPart>> parts)
    {
        var groups = new Dictionary<string, GroupPart>(StringComparer.Ordinal);
        foreach (var part in parts.SelectMany(each => each))
        {
            var name = string.Join('\n', part.Key); // JSON on one line has no line break
            if (groups.TryGetValue(name, out var known))
                for (var i = 0; i < part.Values.Length; i++)
                    known.Values[i] = Together(query.Aggregates[i].Kind, known.Values[i], part.Values[i]);
            else if (groups.Count < AggregateQuery.MostGroups)
                groups.Add(name, part);
            else
                throw new ProblemException(Problems.TooManyGroups(AggregateQuery.MostGroups));
        }
        if (groups.Count == 0 && query.GroupBy.Count == 0)
            groups.Add("", new GroupPart([], [.. query.Aggregates.Select(_ => new GroupValue(null, null, null))]));
        var results = groups.Values
            .Select(group => (group.Key, Results: group.Values.Select((value, i) => Result(query.Aggregates[i].Kind, value)).ToArray()))
            .ToList();
        results.Sort((left, right) => Compare(query, left, right));
        return results.Count > query.Limit ? results.GetRange(0, query.Limit) : results;
    }

    private static GroupValue Together(AggregateKind kind, GroupValue one, GroupValue other) => kind switch
    {
        AggregateKind.Count => one with { Count = one.Count + other.Count },
        AggregateKind.Sum or AggregateKind.Avg => one with
        {
            Number = one.Number is { } sum ? sum + (other.Number ?? DecimalNumber.Zero) : other.Number,
            Count = one.Count + other.Count,
        },
        AggregateKind.Min => new GroupValue(
            Pick(one.Number, other.Number, (left, right) => left < right), PickText(one.Text, other.Text, -1),
            Pick(one.Count, other.Count, (left, right) => left < right)),
        _ => new GroupValue(
            Pick(one.Number, other.Number, (left, right) => left > right), PickText(one.Text, other.Text, 1),
            Pick(one.Count, other.Count, (left, right) => left > right)),
    };

    private static T? Pick<T>(T? one, T? other, Func<T, T, bool> isBetter) where T : struct =>
        one is not { } left ? other : other is not { } right || isBetter(left, right) ? one : other;

    private static string? PickText(string? one, string? other, int direction) =>
        one is null ? other : other is null || KeyOrder.Compare(one, other) * direction > 0 ? one : other;

    /// <summary>
    /// The least of several kinds is a number if there is one, else a text, else false or true; the greatest is the other way round.
    /// </summary>
    private static string Result(AggregateKind kind, GroupValue value)
    {
        var (number, text) = (value.Number?.ToString(), value.Text is { } written ? JsonSerializer.Serialize(written, Plain) : null);
        var truth = value.Count is { } isTrue ? isTrue == 1 ? "true" : "false" : null;
        return kind switch
        {
            AggregateKind.Count => (value.Count ?? 0).ToString(CultureInfo.InvariantCulture),
            AggregateKind.Sum => number ?? "null",
            AggregateKind.Avg => value is { Number: { } sum, Count: > 0 and var count } ? sum.DividedBy(count).ToString() : "null",
            AggregateKind.Min => number ?? text ?? truth ?? "null",
            _ => truth ?? text ?? number ?? "null",
        };
    }

    private static int Compare(AggregateQuery query, (string[] Key, string[] Results) left, (string[] Key, string[] Results) right)
    {
        foreach (var order in query.Order)
            if (ValueOf(left, order.Name).CompareTo(ValueOf(right, order.Name), order.Descending) is not 0 and var differs)
                return differs;
        for (var i = 0; i < left.Key.Length; i++)
            if (ParseValue(left.Key[i]).CompareTo(ParseValue(right.Key[i]), descending: false) is not 0 and var differs)
                return differs;
        return 0;

        SortValue ValueOf((string[] Key, string[] Results) group, string name)
        {
            for (var i = 0; i < query.GroupBy.Count; i++)
                if (query.GroupBy[i].Text == name)
                    return ParseValue(group.Key[i]);
            for (var i = 0; i < query.Aggregates.Count; i++)
                if (query.Aggregates[i].Name == name)
                    return ParseValue(group.Results[i]);
            throw new InvalidOperationException("The parser lets no other name pass.");
        }
    }

    private static SortValue ParseValue(string json) => json switch
    {
        "null" => SortValue.Nothing,
        "true" => new SortValue(SortValue.Boolean, "1"),
        "false" => new SortValue(SortValue.Boolean, "0"),
        _ when json[0] == '"' => new SortValue(SortValue.String, JsonSerializer.Deserialize<string>(json, Plain)!),
        _ => new SortValue(SortValue.Number, json),
    };

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
