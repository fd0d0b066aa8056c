using System.Text.Json;
using System.Text.Json.Nodes;

namespace ShardRouter.Documents;

/// <summary>Cuts a document down to the paths that a caller selected, in their nesting: <c>select=a,b.c</c>.</summary>
internal sealed class FieldSelection(IReadOnlyList<string[]> paths)
{
    public const int MaxPaths = 50;

    /// <summary>None twice and none within another, so no value comes twice and an answer is not larger than the whole documents.</summary>
    private readonly List<string[]> _paths =
        [.. paths.Where((path, place) => !paths.Where((other, otherPlace) => Covers(other, otherPlace, path, place)).Any())];

    public byte[] Apply(byte[] document)
    {
        using var parsed = JsonDocument.Parse(document, new JsonDocumentOptions { MaxDepth = DocumentRules.MaxDepth + 1 });
        var selected = new JsonObject();
        foreach (var path in _paths)
            if (Find(parsed.RootElement, path) is { } value)
                Put(selected, path, value);
        return JsonSerializer.SerializeToUtf8Bytes(selected, DocumentJson.AsItIs.JsonObject);
    }

    /// <summary>Of two that are the same the first stays.</summary>
    private static bool Covers(string[] other, int otherPlace, string[] path, int place) =>
        (other.Length < path.Length || (other.Length == path.Length && otherPlace < place))
        && other.AsSpan().SequenceEqual(path.AsSpan(0, other.Length));

    private static JsonElement? Find(JsonElement element, string[] path)
    {
        foreach (var step in path)
        {
            if (element.ValueKind == JsonValueKind.Object && element.TryGetProperty(step, out var member))
                element = member;
            else if (element.ValueKind == JsonValueKind.Array && FieldPath.IsIndex(step, out var index) && index < element.GetArrayLength())
                element = element[index];
            else
                return null;
        }
        return element;
    }

    private static void Put(JsonObject target, string[] path, JsonElement value)
    {
        foreach (var step in path.AsSpan(0, path.Length - 1))
        {
            if (target[step] is not JsonObject child)
                target[step] = child = [];
            target = child;
        }
        target[path[^1]] = value.ValueKind switch
        {
            JsonValueKind.Object => JsonObject.Create(value.Clone()),
            JsonValueKind.Array => JsonArray.Create(value.Clone()),
            _ => JsonValue.Create(value.Clone()),
        };
    }
}
