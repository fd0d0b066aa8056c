using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using ShardRouter.Documents;
using ShardRouter.Items;
using ShardRouter.Keys;
using ShardRouter.Refusals;

namespace ShardRouter.Http;

/// <summary>Reads the query string of a partition's list. An unknown parameter is an error and is never ignored.</summary>
internal static class PartitionQueryParser
{
    private const int MaxFilters = 10;
    private const int MaxInValues = 100;

    /// <exception cref="ProblemException">invalid-parameter, invalid-filter or invalid-key.</exception>
    public static (PartitionQuery Query, string? Cursor) Parse(ItemTarget target, string? queryString, TimeSpan scanLimit)
    {
        var bounds = new List<(string, string)>();
        var filters = new List<FieldFilter>();
        var descending = false;
        var limit = PartitionQuery.DefaultLimit;
        string? cursor = null;
        FieldSelection? select = null;
        foreach (var (name, values) in ByName(queryString))
        {
            if (values.Count != 1 && !name.StartsWith("f.", StringComparison.Ordinal))
                throw new ProblemException(Problems.InvalidParameter(name, "It is given more than once."));
            var value = values[0];
            switch (name)
            {
                case "id.gt":
                    bounds.Add((">", Bound(name, value)));
                    break;
                case "id.gte":
                    bounds.Add((">=", Bound(name, value)));
                    break;
                case "id.lt":
                    bounds.Add(("<", Bound(name, value)));
                    break;
                case "id.lte":
                    bounds.Add(("<=", Bound(name, value)));
                    break;
                case "id.prefix":
                    bounds.Add((">=", Bound(name, value)));
                    if (KeyOrder.Successor(value) is { } end)
                        bounds.Add(("<", end));
                    break;
                case "order":
                    descending = value switch
                    {
                        "id.desc" => true,
                        "id" or "id.asc" => false,
                        _ => throw new ProblemException(Problems.InvalidParameter(name, "Expected id.asc or id.desc.")),
                    };
                    break;
                case "limit":
                    limit = Limit(value);
                    break;
                case "select":
                    select = Select(value);
                    break;
                case "cursor":
                    cursor = value;
                    break;
                default:
                    if (!name.StartsWith("f.", StringComparison.Ordinal))
                        throw new ProblemException(Problems.InvalidParameter(
                            name,
                            "There is no such parameter. Known are id.gt, id.gte, id.lt, id.lte, id.prefix, order, limit, select, cursor, "
                            + "f.<path>."));
                    filters.AddRange(values.Select(each => Filter(name[2..], each)));
                    break;
            }
        }
        if (filters.Count > MaxFilters)
            throw new ProblemException(Problems.InvalidFilter($"At most {MaxFilters} filters."));
        return (new PartitionQuery(target.Collection, target.PartitionKey, bounds, filters, descending, limit, null, select, scanLimit), cursor);
    }

    /// <summary>
    /// Gives the parameters in one order, whatever order they came in, because a cursor is bound to that order. The framework's own
    /// collection takes names that differ only in case for one name, but fields <c>a</c> and <c>A</c> are two.
    /// </summary>
    private static SortedDictionary<string, List<string>> ByName(string? queryString)
    {
        var parameters = new SortedDictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var pair in new QueryStringEnumerable(queryString))
        {
            var name = pair.DecodeName().ToString();
            if (!parameters.TryGetValue(name, out var values))
                parameters.Add(name, values = []);
            values.Add(pair.DecodeValue().ToString());
        }
        return parameters;
    }

    private static string Bound(string parameter, string value)
    {
        if (!IsUnicode(value))
            throw new ProblemException(Problems.InvalidParameter(parameter, "It is not valid UTF-8."));
        return RawTarget.CheckKey(value, parameter);
    }

    /// <exception cref="ProblemException">invalid-parameter.</exception>
    public static int Limit(string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= PartitionQuery.MaxLimit
            ? limit
            : throw new ProblemException(Problems.InvalidParameter("limit", $"Expected a whole number, 1 to {PartitionQuery.MaxLimit}."));

    /// <exception cref="ProblemException">invalid-parameter.</exception>
    public static FieldSelection Select(string value)
    {
        var paths = value.Split(',').Select(FieldPath.Parse).ToList();
        if (paths.Contains(null) || paths.Count > FieldSelection.MaxPaths)
            throw new ProblemException(Problems.InvalidParameter("select", $"Expected at most {FieldSelection.MaxPaths} paths like a,b.c."));
        return new FieldSelection(paths!);
    }

    private static FieldFilter Filter(string path, string text)
    {
        var steps = FieldPath.Parse(path) ?? throw new ProblemException(Problems.InvalidFilter(
            $"'f.{path}' is not a path to a field. Write f.a.b, or f./a.b/c as a JSON pointer."));
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        var name = dot < 0 ? text : text[..dot];
        var value = dot < 0 ? "" : text[(dot + 1)..];
        if (!IsUnicode(value) || value.Contains('\0'))
            throw new ProblemException(Problems.InvalidFilter($"The value of 'f.{path}' is not a text that can be stored."));
        return name switch
        {
            "eq" => new(steps, FieldOperator.Eq, [Scalar(value)]),
            "ne" => new(steps, FieldOperator.Ne, [Scalar(value)]),
            "gt" => new(steps, FieldOperator.Gt, [Comparable(path, value)]),
            "gte" => new(steps, FieldOperator.Gte, [Comparable(path, value)]),
            "lt" => new(steps, FieldOperator.Lt, [Comparable(path, value)]),
            "lte" => new(steps, FieldOperator.Lte, [Comparable(path, value)]),
            "in" => new(steps, FieldOperator.In, Several(path, value)),
            "prefix" => new(steps, FieldOperator.Prefix, [AsText(value)]),
            "contains" => new(steps, FieldOperator.Contains, [Scalar(value)]),
            "exists" when value is "true" or "false" or "" => new(steps, FieldOperator.Exists, [value.Length == 0 ? "true" : value]),
            _ => throw new ProblemException(Problems.InvalidFilter(
                $"'f.{path}={Shorten(text)}' has no known operator. "
                + "Expected eq, ne, gt, gte, lt, lte, in, prefix or contains with a dot and a value, exists.true or exists.false.")),
        };
    }

    /// <summary>
    /// The value as JSON. A JSON scalar (<c>5</c>, <c>true</c>, <c>"5"</c>) stays itself. Any other text becomes a string.
    /// </summary>
    private static string Scalar(string value)
    {
        try
        {
            using var parsed = JsonDocument.Parse(value);
            if (parsed.RootElement.ValueKind == JsonValueKind.Number)
                return DocumentRules.IsPrintable(Encoding.ASCII.GetBytes(value.Trim())) ? value.Trim() : throw new ProblemException(Problems.InvalidFilter("A number has too many digits."));
            if (parsed.RootElement.ValueKind == JsonValueKind.String)
                return AsText(parsed.RootElement.GetString()!);
            if (parsed.RootElement.ValueKind is JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null)
                return parsed.RootElement.GetRawText();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // not JSON: a text without quotes
        }
        return AsText(value);
    }

    private static string Comparable(string path, string value)
    {
        var scalar = Scalar(value);
        return scalar is "true" or "false" or "null"
            ? throw new ProblemException(Problems.InvalidFilter($"'f.{path}': {scalar} has no order; compare with a number or a text."))
            : scalar;
    }

    private static List<string> Several(string path, string value)
    {
        var values = QuotedList.Split(value) ?? throw new ProblemException(
            Problems.InvalidFilter($"'f.{path}': a value that begins with '\"' ends with '\"', before a comma or at the end."));
        return values.Count <= MaxInValues
            ? values.ConvertAll(Scalar)
            : throw new ProblemException(Problems.InvalidFilter($"'f.{path}': at most {MaxInValues} values."));
    }

    private static string AsText(string value)
    {
        if (value.Contains('\0') || !IsUnicode(value))
            throw new ProblemException(Problems.InvalidFilter("A string cannot contain NUL or a lone surrogate."));
        return "\"" + JsonEncodedText.Encode(value) + "\"";
    }

    /// <summary>
    /// Whether the value can be written as UTF-8: a lone surrogate cannot. The framework decodes bytes that are not UTF-8 to U+FFFD, or
    /// leaves them encoded.
    /// </summary>
    private static bool IsUnicode(string value)
    {
        foreach (var c in value.AsSpan())
            if (char.IsSurrogate(c))
                return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(value)) == value;
        return true;
    }

    private static string Shorten(string text) => text.Length <= 60 ? text : string.Concat(text.AsSpan(0, 60), "…");
}
