using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fuzz.Making;

/// <summary>Makes a JSON value wrong, or odd, at one place.</summary>
internal static class JsonSpoiler
{
    private const int DeepNesting = 2000;

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 100 };

    public static byte[] Write(JsonNode? value) => Encoding.UTF8.GetBytes(value?.ToJsonString(Plain) ?? "null");

    public static JsonNode? Spoil(JsonNode? value, Chance chance)
    {
        var places = new List<JsonNode>();
        Collect(value, places);
        if (places.Count == 0 || chance.OneIn(10))
            return Odd(chance);
        switch (chance.Of(places))
        {
            case JsonObject members when chance.OneIn(2) || members.Count == 0:
                members[chance.Of(OddValues.Texts)] = Odd(chance);
                break;
            case JsonObject members:
                var name = chance.Of([.. members.Select(member => member.Key)]);
                if (chance.OneIn(3))
                    members.Remove(name);
                else
                    members[name] = Odd(chance);
                break;
            case JsonArray elements when elements.Count > 0 && chance.OneIn(3):
                for (var more = chance.Of<int>([1, 99, 100, 101, 1001]); more > 0; more--)
                    elements.Add(elements[0]?.DeepClone());
                break;
            case JsonArray elements:
                elements.Add(Odd(chance));
                break;
        }
        return value;
    }

    /// <summary>Spoils the text itself: what no JSON value can be.</summary>
    public static byte[] SpoilText(byte[] json, Chance chance) => chance.Below(8) switch
    {
        0 => json[..chance.Below(json.Length + 1)],
        1 => [.. json, .. json],
        2 => [0xEF, 0xBB, 0xBF, .. json],
        3 => Encoding.UTF8.GetBytes(chance.Of(OddValues.JsonTexts)),
        4 => [.. Enumerable.Repeat((byte)chance.Of<int>(['[', '{', '"', ' ']), chance.Below(DeepNesting))],
        5 => chance.OneIn(20) ? [.. "{\"a\":\""u8, .. Enumerable.Repeat((byte)'x', chance.Of<int>([1_048_500, 1_048_576, 4_300_000, 17_000_000])), .. "\"}"u8] : [],
        6 => Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(json)),
        _ => ByteMutation.Mutate(json, chance),
    };

    private static JsonNode? Odd(Chance chance) => chance.Below(6) switch
    {
        0 => chance.Of(OddValues.Texts),
        1 => new string('x', chance.Length()),
        2 => JsonNode.Parse(chance.Of<string>(
            ["0", "-1", "1.5", "1e2", "9223372036854775808", "1e400", "316224001", "0.1e-300", "123456789012345678901234567890", "null", "[]", "{}"])),
        3 => Nested(chance.Of<int>([1, 60, 63, 64, 65, 90])),
        4 => true,
        _ => JsonMaker.Value(chance, 0),
    };

    private static JsonNode Nested(int depth)
    {
        JsonNode inner = new JsonObject();
        for (var i = 1; i < depth; i++)
            inner = i % 2 == 0 ? new JsonArray(inner) : new JsonObject { ["a"] = inner };
        return inner;
    }

    private static void Collect(JsonNode? value, List<JsonNode> into)
    {
        if (value is not (JsonObject or JsonArray))
            return;
        into.Add(value);
        foreach (var child in value is JsonObject members ? members.Select(member => member.Value) : value.AsArray())
            Collect(child, into);
    }
}
