using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShardCore.Queries;

/// <summary>What one router tells of the queries that it answered, at <c>/admin/v1/queries</c> of its operations port.</summary>
/// <param name="Router">Its id.</param>
/// <param name="Queries">The most costly shapes; that with the most shard time comes first.</param>
public sealed record QueryCostReport(string Router, DateTimeOffset At, IReadOnlyList<QueryCost> Queries)
{
    /// <summary>Names of fields stay readable: people look at this too. It is never put into HTML.</summary>
    private static readonly QueryCostJson Json =
        new(new JsonSerializerOptions(QueryCostJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json.QueryCostReport);

    /// <returns>Null: it is no such report, or one of another version.</returns>
    public static QueryCostReport? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, Json.QueryCostReport);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Members that are not known are left out, so that routers may be newer than <c>shardadmin</c>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(QueryCostReport))]
internal sealed partial class QueryCostJson : JsonSerializerContext;
