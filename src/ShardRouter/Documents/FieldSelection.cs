using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ShardRouter.Documents;

/// <summary>Reduces a document to the paths that a caller selected, and keeps their nesting: <c>select=a,b.c</c>.</summary>
internal sealed class FieldSelection(IReadOnlyList<string[]> paths)
{
    public const int MaxPaths = 50;

    /// <summary>
    /// The selected paths, without duplicates and without paths inside another one. So no value comes twice, and the answer is not larger
    /// than the whole documents.
    /// </summary>
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

    /// <summary>
    /// Whether the other path makes this one superfluous: it leads to a value around it, or it is the same path and comes first.
    /// </summary>
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

/// <summary>Writes documents that the router composes itself. All other documents are passed on as the shard printed them.</summary>
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class DocumentJson : JsonSerializerContext
{
    /// <summary>Text is written as it is, not as \u escapes. So a field looks the same in a selection and in the whole document.</summary>
    public static DocumentJson AsItIs { get; } = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
