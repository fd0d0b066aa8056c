using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using ShardRouter.Documents;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Refusals;

namespace ShardRouter.Queries;

/// <summary>
/// Reads a filter: <c>{"status":{"eq":"open"},"total":{"gte":10,"lt":20}}</c>, and <c>{"and":[…]}</c>, <c>{"or":[…]}</c>,
/// <c>{"not":{…}}</c>. Everything in one object must hold. A field that is called "and" is written as a pointer, "/and".
/// </summary>
internal sealed class FilterParser
{
    private const int MostConditions = 50;
    private const int MostLevels = 8;
    private const int MostValues = 100;

    private int _conditions;

    /// <returns>Null: there is no filter, or an empty one.</returns>
    /// <exception cref="ProblemException">invalid-filter.</exception>
    public static FilterNode? Parse(JsonElement body, string name)
    {
        if (!body.TryGetProperty(name, out var filter))
            return null;
        var node = new FilterParser().Node(filter, "/" + name, 1);
        return node is AllOf { Nodes.Count: 0 } ? null : node;
    }

    private FilterNode Node(JsonElement filter, string pointer, int level)
    {
        if (filter.ValueKind != JsonValueKind.Object)
            throw Invalid("A filter is an object such as {\"status\":{\"eq\":\"open\"}}.", pointer);
        if (level > MostLevels)
            throw Invalid($"A filter has at most {MostLevels} levels.", pointer);
        var nodes = new List<FilterNode>();
        foreach (var member in filter.EnumerateObject())
        {
            var name = NameOf(member, pointer);
            var inside = $"{pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
            switch (name)
            {
                case "and":
                    nodes.Add(new AllOf(Several(member.Value, inside, level)));
                    break;
                case "or":
                    nodes.Add(new AnyOf(Several(member.Value, inside, level)));
                    break;
                case "not":
                    nodes.Add(new NotSo(Node(member.Value, inside, level + 1)));
                    break;
                default:
                    nodes.AddRange(Conditions(name, member.Value, inside));
                    break;
            }
        }
        return nodes.Count == 1 ? nodes[0] : new AllOf(nodes);
    }

    private List<FilterNode> Several(JsonElement filters, string pointer, int level)
    {
        if (filters.ValueKind != JsonValueKind.Array || filters.GetArrayLength() == 0)
            throw Invalid("Expected an array of at least one filter.", pointer);
        return [.. filters.EnumerateArray()
            .Select((each, i) => Node(each, string.Create(CultureInfo.InvariantCulture, $"{pointer}/{i}"), level + 1))];
    }

    private IEnumerable<FilterNode> Conditions(string path, JsonElement comparisons, string pointer)
    {
        var steps = FieldPath.Parse(path) ?? throw Invalid("It is not a path to a field. Write a.b, or /a.b/c as a JSON pointer.", pointer);
        if (comparisons.ValueKind != JsonValueKind.Object)
            throw Invalid("Expected a comparison such as {\"eq\":\"open\"}.", pointer);
        foreach (var member in comparisons.EnumerateObject())
        {
            if (++_conditions > MostConditions)
                throw Invalid($"A filter has at most {MostConditions} comparisons.", pointer);
            var name = NameOf(member, pointer);
            yield return new FieldIs(Condition(steps, name, member.Value, $"{pointer}/{name}"));
        }
    }

    private static FieldFilter Condition(string[] path, string name, JsonElement value, string pointer) => name switch
    {
        "eq" => new(path, FieldOperator.Eq, [Scalar(value, pointer)]),
        "ne" => new(path, FieldOperator.Ne, [Scalar(value, pointer)]),
        "gt" => new(path, FieldOperator.Gt, [Comparable(value, pointer)]),
        "gte" => new(path, FieldOperator.Gte, [Comparable(value, pointer)]),
        "lt" => new(path, FieldOperator.Lt, [Comparable(value, pointer)]),
        "lte" => new(path, FieldOperator.Lte, [Comparable(value, pointer)]),
        "in" => new(path, FieldOperator.In, Values(value, pointer)),
        "prefix" => new(path, FieldOperator.Prefix, [AsText(value, pointer)]),
        "contains" => new(path, FieldOperator.Contains, [Scalar(value, pointer)]),
        "exists" => value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? new(path, FieldOperator.Exists, [value.GetRawText()])
            : throw Invalid("Expected true or false.", pointer),
        _ => throw Invalid("Known are eq, ne, gt, gte, lt, lte, in, prefix, contains and exists.", pointer),
    };

    private static List<string> Values(JsonElement value, string pointer)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is 0 or > MostValues)
            throw Invalid($"Expected an array of 1 to {MostValues} values.", pointer);
        return [.. value.EnumerateArray().Select(each => Scalar(each, pointer))];
    }

    private static string Comparable(JsonElement value, string pointer) => value.ValueKind is JsonValueKind.Number or JsonValueKind.String
        ? Scalar(value, pointer)
        : throw Invalid("Only a number or a text has an order.", pointer);

    /// <returns>The value as JSON.</returns>
    private static string Scalar(JsonElement value, string pointer) => value.ValueKind switch
    {
        JsonValueKind.String => AsText(value, pointer),
        JsonValueKind.Number => DocumentRules.IsPrintable(JsonMarshal.GetRawUtf8Value(value))
            ? value.GetRawText()
            : throw Invalid($"A number has at most {DocumentRules.MaxDigits} digits.", pointer),
        JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null => value.GetRawText(),
        _ => throw Invalid("Expected a number, a text, true, false or null.", pointer),
    };

    private static string AsText(JsonElement value, string pointer)
    {
        try
        {
            if (value.ValueKind == JsonValueKind.String && value.GetString() is { } text && !text.Contains('\0'))
                return "\"" + JsonEncodedText.Encode(text) + "\"";
        }
        catch (InvalidOperationException)
        {
            // a lone surrogate
        }
        throw Invalid("Expected a text, without NUL and without a lone surrogate.", pointer);
    }

    private static string NameOf(JsonProperty member, string pointer)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            throw Invalid("A name has an unpaired surrogate.", pointer);
        }
    }

    private static ProblemException Invalid(string detail, string pointer) =>
        new(Problems.InvalidFilter(detail) with { Pointer = pointer });
}
