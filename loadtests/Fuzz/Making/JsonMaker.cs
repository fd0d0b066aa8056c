using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fuzz.Contract;

namespace Fuzz.Making;

/// <summary>Makes values of JSON schemas: right ones, from a small set of keys, so that requests meet each other's items.</summary>
internal sealed class JsonMaker(ApiContract contract, Harvest harvest)
{
    private const int Keys = 40;

    public static readonly string[] Collections = ["fuzz", "fuzz-two", "fuzz-three"];

    public static readonly string[] Indexes = ["by_a", "by_n", "by_b_0", "u_a"];

    private static readonly string[] Fields = ["/a", "/b/0", "/a/b", "a", "n", "name"];

    private static readonly string[] Comparisons = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "prefix", "contains", "exists"];

    public static string Key(Chance chance) => string.Create(CultureInfo.InvariantCulture, $"k{chance.Below(Keys)}");

    public JsonNode? Make(JsonElement schema, Chance chance, string name = "", int depth = 0)
    {
        if (schema.TryGetProperty("$ref", out var reference) && Named(reference.GetString()!, chance) is { } known)
            return known;
        schema = contract.Resolve(schema);
        if (schema.TryGetProperty("allOf", out var all))
            return Make(all[0], chance, name, depth);
        if (schema.TryGetProperty("oneOf", out var one))
            return Make(one[chance.Below(one.GetArrayLength())], chance, name, depth);
        if (schema.TryGetProperty("const", out var constant))
            return JsonNode.Parse(constant.GetRawText());
        if (schema.TryGetProperty("enum", out var values))
            return JsonNode.Parse(values[chance.Below(values.GetArrayLength())].GetRawText());
        return (schema.TryGetProperty("type", out var type) ? type.GetString() : null) switch
        {
            "object" => Object(schema, chance, depth),
            "array" => new JsonArray([.. Enumerable.Range(0, 1 + chance.Below(4)).Select(_ => Make(schema.GetProperty("items"), chance, "", depth + 1))]),
            "integer" => 1 + chance.Below(1000),
            "number" => (chance.Below(2_000_000) - 1_000_000) / 100m,
            "boolean" => chance.OneIn(2),
            "string" => Text(name, chance),
            _ => Value(chance, depth),
        };
    }

    /// <summary>Any document.</summary>
    public static JsonNode? Value(Chance chance, int depth) => chance.Below(depth > 4 ? 4 : 7) switch
    {
        0 => chance.Of(OddValues.Texts),
        1 => chance.Below(int.MaxValue) - (int.MaxValue / 2),
        2 => chance.OneIn(2),
        3 => null,
        4 => new JsonArray([.. Enumerable.Range(0, chance.Below(4)).Select(_ => Value(chance, depth + 1))]),
        _ => Members(chance, depth),
    };

    private static JsonObject Members(Chance chance, int depth)
    {
        var made = new JsonObject();
        for (var i = chance.Below(5); i > 0; i--)
            made[chance.OneIn(8) ? chance.Of(OddValues.Texts) : chance.Of<string>(["a", "b", "c", "name", "n"])] = Value(chance, depth + 1);
        return made;
    }

    private static JsonNode? Named(string reference, Chance chance) => reference[(reference.LastIndexOf('/') + 1)..] switch
    {
        "Key" => Key(chance),
        "CollectionName" => chance.Of(Collections),
        "Document" or "MergePatch" => Members(chance, 0),
        "Filter" => Filter(chance, 0),
        _ => null,
    };

    private static JsonObject Filter(Chance chance, int depth)
    {
        var made = new JsonObject();
        for (var i = 1 + chance.Below(2); i > 0; i--)
            if (depth < 3 && chance.OneIn(5))
                made[chance.Of<string>(["and", "or"])] = new JsonArray(Filter(chance, depth + 1), Filter(chance, depth + 1));
            else if (depth < 3 && chance.OneIn(10))
                made["not"] = Filter(chance, depth + 1);
            else
                made[chance.Of(Fields)] = Comparison(chance);
        return made;
    }

    private static JsonObject Comparison(Chance chance)
    {
        var op = chance.Of(Comparisons);
        return new JsonObject
        {
            [op] = op switch
            {
                "in" => new JsonArray(Value(chance, 5), Value(chance, 5)),
                "prefix" => chance.Of(OddValues.Texts),
                "exists" => chance.OneIn(2),
                _ => Value(chance, 4),
            },
        };
    }

    private JsonObject Object(JsonElement schema, Chance chance, int depth)
    {
        var made = new JsonObject();
        if (!schema.TryGetProperty("properties", out var properties))
            return made;
        var required = schema.TryGetProperty("required", out var names) ? names.EnumerateArray().Select(each => each.GetString()!).ToArray() : [];
        foreach (var property in properties.EnumerateObject())
            if (property.Name == "allowScan")
                made[property.Name] = !chance.OneIn(4); // without it there is little that a query may do
            else if (required.Contains(property.Name, StringComparer.Ordinal) || chance.OneIn(5))
                made[property.Name] = Make(property.Value, chance, property.Name, depth + 1);
        return made;
    }

    private string Text(string name, Chance chance) => name switch
    {
        "ifMatch" or "ifNoneMatch" => chance.OneIn(2) ? "*" : harvest.ETag(chance),
        "path" or "from" => chance.OneIn(8) ? "/c/-" : chance.OneIn(20) ? "" : chance.Of(Fields),
        _ => Key(chance),
    };
}
