using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ShardRouter.Http;

/// <summary>How items stand in lists: <c>{"pk","id","etag","updatedAt","doc"}</c>.</summary>
internal static class ListEnvelope
{
    /// <summary>Text is written as it is, not as \u escapes: the answer is JSON, it is never put into HTML.</summary>
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static void WriteItem(Utf8JsonWriter json, string pk, string id, long version, DateTime updatedAt, byte[] doc)
    {
        json.WriteStartObject();
        json.WriteString("pk", pk);
        json.WriteString("id", id);
        json.WriteString("etag", ETag.Of(version));
        json.WriteString("updatedAt", updatedAt.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
        json.WritePropertyName("doc");
        json.WriteRawValue(doc, skipInputValidation: true);
        json.WriteEndObject();
    }
}
