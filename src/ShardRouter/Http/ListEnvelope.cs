using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using ShardRouter.Outcomes;

namespace ShardRouter.Http;

/// <summary>The form of items in lists: <c>{"pk","id","etag","updatedAt","expiresAt"?,"doc"}</c>.</summary>
internal static class ListEnvelope
{
    /// <summary>Text is written as it is, not as \u escapes: the answer is JSON, and is never put into HTML.</summary>
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static void WriteItem(Utf8JsonWriter json, string pk, string id, long version, DateTime updatedAt, DateTime? expiresAt, byte[] doc)
    {
        json.WriteStartObject();
        json.WriteString("pk", pk);
        json.WriteString("id", id);
        json.WriteString("etag", VersionTag.Of(version));
        json.WriteString("updatedAt", TimeText(updatedAt));
        if (expiresAt is { } end)
            json.WriteString("expiresAt", TimeText(end));
        json.WritePropertyName("doc");
        json.WriteRawValue(doc, skipInputValidation: true);
        json.WriteEndObject();
    }

    /// <summary>A time as bodies have it: to the microsecond, in UTC.</summary>
    public static string TimeText(DateTime time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
