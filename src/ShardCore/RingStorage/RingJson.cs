using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShardCore.RingStorage;

/// <summary>One spelling of stored JSON, without reflection: the checksum is over these bytes.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    AllowDuplicateProperties = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(RingDocument))]
[JsonSerializable(typeof(RingHistoryEntry))]
[JsonSerializable(typeof(RouterHeartbeat))]
[JsonSerializable(typeof(KeptPosition))]
[JsonSerializable(typeof(LastBackupPoint))]
[JsonSerializable(typeof(IReadOnlyList<ShardDocument>))]
internal sealed partial class RingJson : JsonSerializerContext;
