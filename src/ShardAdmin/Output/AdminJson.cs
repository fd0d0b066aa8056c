using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShardAdmin.Output;

/// <summary>The spelling of results: camelCase, enums as words. Nulls are written: every field is always there.</summary>
internal static class AdminJson
{
    public static readonly JsonSerializerOptions OneLine = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // for people and jq, never put into HTML
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static readonly JsonSerializerOptions Indented = new(OneLine) { WriteIndented = true };
}
