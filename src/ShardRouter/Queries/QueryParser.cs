using System.Globalization;
using System.Text.Json;
using ShardCore.Access;
using ShardRouter.Documents;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Keys;
using ShardRouter.Refusals;

namespace ShardRouter.Queries;

/// <summary>Reads the bodies of query, count and aggregate. Unknown members are refused.</summary>
internal static class QueryParser
{
    /// <summary>The members that decide which items come in which order. The others may change from page to page.</summary>
    private static readonly string[] Deciding = ["partition", "id", "filter", "orderBy"];

    /// <returns>The query, what its cursor is bound to, and the cursor that was given.</returns>
    /// <exception cref="ProblemException">invalid-json, invalid-filter, invalid-key.</exception>
    public static (ItemQuery Query, bool AllowsScan, IReadOnlyList<string> Identity, string? Cursor) Query(
        JsonElement body, string collection, IReadOnlyList<PartitionPattern>? partitions, TimeSpan scanLimit)
    {
        JsonMembers.RequireOnly(body, "", "partition", "id", "filter", "orderBy", "select", "limit", "cursor", "allowScan", "count");
        var items = Items(body, collection, partitions);
        var order = Order(body);
        var counts = JsonMembers.OptionalText(body, "count", "") switch
        {
            null or "none" => CountKind.None,
            "estimated" => Estimated(items),
            "exact" => CountKind.Exact,
            _ => throw JsonMembers.Invalid("Expected \"none\", \"estimated\" or \"exact\".", "/count"),
        };
        var query = new ItemQuery(
            items, order, Select(body), Number(body, "limit", PartitionQuery.DefaultLimit, PartitionQuery.MaxLimit), null, scanLimit,
            counts);
        string[] identity = [collection, .. Deciding.Select(name => body.TryGetProperty(name, out var member) ? member.GetRawText() : "")];
        return (query, AllowsScan(body), identity, JsonMembers.OptionalText(body, "cursor", ""));
    }

    /// <inheritdoc cref="Query" />
    public static (ItemSelection Items, CountKind Kind, bool AllowsScan) Count(
        JsonElement body, string collection, IReadOnlyList<PartitionPattern>? partitions)
    {
        JsonMembers.RequireOnly(body, "", "partition", "id", "filter", "allowScan", "count");
        var items = Items(body, collection, partitions);
        var kind = JsonMembers.OptionalText(body, "count", "") switch
        {
            null or "exact" => CountKind.Exact,
            "estimated" => Estimated(items),
            _ => throw JsonMembers.Invalid("Expected \"exact\" or \"estimated\".", "/count"),
        };
        return (items, kind, AllowsScan(body));
    }

    /// <inheritdoc cref="Query" />
    public static (AggregateQuery Query, bool AllowsScan) Aggregate(
        JsonElement body, string collection, IReadOnlyList<PartitionPattern>? partitions)
    {
        JsonMembers.RequireOnly(body, "", "partition", "id", "filter", "groupBy", "aggregates", "orderBy", "limit", "allowScan");
        var items = Items(body, collection, partitions);
        GroupField[] groups = [.. Entries(body, "groupBy", AggregateQuery.MostGroupFields, atLeast: 0)
            .Select(each => Group(each.Entry, each.Pointer))];
        Aggregate[] aggregates = [.. Entries(body, "aggregates", AggregateQuery.MostAggregates, atLeast: 1)
            .Select(each => Aggregate(each.Entry, each.Pointer))];
        string[] names = [.. groups.Select(group => group.Text), .. aggregates.Select(aggregate => aggregate.Name)];
        if (names.Distinct(StringComparer.Ordinal).Count() < names.Length)
            throw JsonMembers.Invalid("Two results have one name. Give one of them another by 'as'.", "/aggregates");
        GroupOrder[] order = [.. Entries(body, "orderBy", ItemQuery.MostSortFields, atLeast: 0)
            .Select(each => GroupOrder(each.Entry, each.Pointer, names))];
        return (
            new AggregateQuery(
                items, groups, aggregates, order, Number(body, "limit", AggregateQuery.MostGroups, AggregateQuery.MostGroups)),
            AllowsScan(body));
    }

    private static ItemSelection Items(JsonElement body, string collection, IReadOnlyList<PartitionPattern>? partitions) => new(
        collection,
        body.TryGetProperty("partition", out _) ? JsonMembers.Key(body, "partition", "") : null,
        Bounds(body), FilterParser.Parse(body, "filter"), partitions);

    /// <summary>
    /// Statistics are of all partitions: what they say of a filter, or of ids, would tell of items that the caller may not see.
    /// </summary>
    private static CountKind Estimated(ItemSelection items) => items.Partitions is not null && (items.Filter is not null || items.Bounds.Count > 0)
        ? throw JsonMembers.Invalid(
            "An estimate with a filter, or with bounds of the id, comes from statistics of all partitions, and the key or token is bound "
            + "to some. Expected \"exact\".",
            "/count")
        : CountKind.Estimated;

    private static bool AllowsScan(JsonElement body) => JsonMembers.OptionalFlag(body, "allowScan", "") == true;

    private static List<(string Operator, string Id)> Bounds(JsonElement body)
    {
        var bounds = new List<(string, string)>();
        if (!body.TryGetProperty("id", out var id))
            return bounds;
        JsonMembers.RequireOnly(id, "/id", "gt", "gte", "lt", "lte", "prefix");
        foreach (var member in id.EnumerateObject())
        {
            var value = JsonMembers.Key(id, member.Name, "/id");
            switch (member.Name)
            {
                case "prefix":
                    bounds.Add((">=", value));
                    if (KeyOrder.Successor(value) is { } end)
                        bounds.Add(("<", end));
                    break;
                default:
                    bounds.Add((member.Name switch { "gt" => ">", "gte" => ">=", "lt" => "<", _ => "<=" }, value));
                    break;
            }
        }
        return bounds;
    }

    private static List<SortField> Order(JsonElement body)
    {
        var order = new List<SortField>();
        foreach (var (entry, pointer) in Entries(body, "orderBy", ItemQuery.MostSortFields, atLeast: 0))
        {
            JsonMembers.RequireOnly(entry, pointer, "path", "dir");
            order.Add(new SortField(Path(entry, "path", pointer).Steps, IsDescending(entry, pointer)));
        }
        return order;
    }

    private static GroupField Group(JsonElement entry, string pointer)
    {
        var text = entry.ValueKind == JsonValueKind.String
            ? JsonText(entry, pointer)
            : throw JsonMembers.Invalid("Expected a path.", pointer);
        return new GroupField(text, FieldPath.Parse(text) ?? throw NoPath(pointer));
    }

    private static Aggregate Aggregate(JsonElement entry, string pointer)
    {
        JsonMembers.RequireOnly(entry, pointer, "op", "path", "as");
        var op = JsonMembers.Text(entry, "op", pointer);
        AggregateKind kind = op switch
        {
            "count" => AggregateKind.Count,
            "sum" => AggregateKind.Sum,
            "min" => AggregateKind.Min,
            "max" => AggregateKind.Max,
            "avg" => AggregateKind.Avg,
            _ => throw JsonMembers.Invalid("'op' must be one of count, sum, min, max, avg.", pointer + "/op"),
        };
        if (kind == AggregateKind.Count && !entry.TryGetProperty("path", out _))
            return new Aggregate(kind, null, JsonMembers.OptionalText(entry, "as", pointer) ?? "count");
        var (text, steps) = Path(entry, "path", pointer);
        return new Aggregate(kind, steps, JsonMembers.OptionalText(entry, "as", pointer) ?? $"{op}({text})");
    }

    private static GroupOrder GroupOrder(JsonElement entry, string pointer, string[] names)
    {
        JsonMembers.RequireOnly(entry, pointer, "path", "dir");
        var name = JsonMembers.Text(entry, "path", pointer);
        return names.Contains(name, StringComparer.Ordinal)
            ? new GroupOrder(name, IsDescending(entry, pointer))
            : throw JsonMembers.Invalid("It is neither a path of 'groupBy' nor the name of an aggregate.", pointer + "/path");
    }

    private static bool IsDescending(JsonElement entry, string pointer) => JsonMembers.OptionalText(entry, "dir", pointer) switch
    {
        null or "asc" => false,
        "desc" => true,
        _ => throw JsonMembers.Invalid("Expected \"asc\" or \"desc\".", pointer + "/dir"),
    };

    private static FieldSelection? Select(JsonElement body)
    {
        var paths = Entries(body, "select", FieldSelection.MaxPaths, atLeast: 0)
            .Select(each => Group(each.Entry, each.Pointer).Path).ToList();
        return paths.Count == 0 ? null : new FieldSelection(paths);
    }

    private static (string Text, string[] Steps) Path(JsonElement entry, string name, string pointer)
    {
        var text = JsonMembers.Text(entry, name, pointer);
        return (text, FieldPath.Parse(text) ?? throw NoPath($"{pointer}/{name}"));
    }

    private static int Number(JsonElement body, string name, int otherwise, int most) =>
        !body.TryGetProperty(name, out var value) ? otherwise
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 1 && number <= most ? number
        : throw JsonMembers.Invalid($"Expected a whole number, 1 to {most}.", "/" + name);

    private static IEnumerable<(JsonElement Entry, string Pointer)> Entries(JsonElement body, string name, int most, int atLeast)
    {
        if (!body.TryGetProperty(name, out var array) && atLeast == 0)
            return [];
        if (array.ValueKind != JsonValueKind.Array || array.GetArrayLength() > most || array.GetArrayLength() < atLeast)
            throw JsonMembers.Invalid($"'{name}' must be an array of {atLeast} to {most} entries.", "/" + name);
        return array.EnumerateArray().Select((entry, i) => (entry, string.Create(CultureInfo.InvariantCulture, $"/{name}/{i}")));
    }

    private static string JsonText(JsonElement value, string pointer)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw JsonMembers.Invalid("A string contains an unpaired surrogate.", pointer);
        }
    }

    private static ProblemException NoPath(string pointer) =>
        JsonMembers.Invalid("It is not a path to a field. Write a.b, or /a.b/c as a JSON pointer.", pointer);
}
