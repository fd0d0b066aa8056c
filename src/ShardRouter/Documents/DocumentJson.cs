using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ShardRouter.Documents;

/// <summary>Documents that are written here rather than passed on.</summary>
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class DocumentJson : JsonSerializerContext
{
    /// <summary>Text as it is, not as \u escapes: the same document looks the same whole and selected.</summary>
    public static DocumentJson AsItIs { get; } = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
