using System.Text.Json.Serialization;

namespace ShardCore.RingStorage;

/// <summary>
/// A ring as it is stored in Redis, in the history and on a router's disk; written and read only by
/// <see cref="RingDocumentCodec"/>. Example:
/// <code>{"schema":1,"cluster":{"name":"default","id":"…"},"epoch":7,"hash":"sha256-14",
///  "shards":[{"id":"s1","host":"10.0.0.1","port":5432,"database":"app","weight":1,"state":"active"}],
///  "slots":[[0,16383,"s1"]],"checksum":"sha256:…"}</code>
/// A shard with standbys has <c>"hosts":["10.0.0.1:5432","10.0.0.2:5432"]</c> in place of host and port.
/// </summary>
internal sealed record RingDocument(
    int Schema,
    RingDocument.ClusterPart Cluster,
    long Epoch,
    string Hash,
    IReadOnlyList<ShardDocument> Shards,
    IReadOnlyList<SlotRunDocument> Slots,
    string Checksum)
{
    internal sealed record ClusterPart(string Name, Guid Id);
}

/// <summary>A shard as written down: in the ring document and, as the shard list copy, in every shard.</summary>
public sealed record ShardDocument([property: JsonPropertyOrder(-2)] string Id, string Database, int Weight, string State)
{
    /// <summary>With <see cref="Port"/> where it is on one server; otherwise null.</summary>
    [JsonPropertyOrder(-1), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Host { get; init; }

    [JsonPropertyOrder(-1), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Port { get; init; }

    /// <summary>Where it has standbys, each as <c>host:port</c>; otherwise null.</summary>
    [JsonPropertyOrder(-1), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Hosts { get; init; }
}

/// <summary>A slot run, written as <c>[first, last, "shard"]</c>.</summary>
[JsonConverter(typeof(SlotRunConverter))]
internal sealed record SlotRunDocument(int First, int Last, string Shard);
