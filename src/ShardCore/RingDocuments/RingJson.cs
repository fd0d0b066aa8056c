using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShardCore.RingDocuments;

/// <summary>Serialises stored JSON always in the same way, without reflection: the checksum is computed over these bytes.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    AllowDuplicateProperties = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(RingDocument))]
[JsonSerializable(typeof(IReadOnlyList<ShardDocument>))]
internal sealed partial class RingJson : JsonSerializerContext;
