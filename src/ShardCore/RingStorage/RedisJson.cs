using System.Text.Json;
using System.Text.Json.Serialization;
using ShardCore.Shards.History;

namespace ShardCore.RingStorage;

/// <summary>What stands in Redis beside the ring document; spelled as that is.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    AllowDuplicateProperties = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(RingHistoryEntry))]
[JsonSerializable(typeof(RouterHeartbeat))]
[JsonSerializable(typeof(KeptPosition))]
[JsonSerializable(typeof(LastBackupPoint))]
internal sealed partial class RedisJson : JsonSerializerContext;
