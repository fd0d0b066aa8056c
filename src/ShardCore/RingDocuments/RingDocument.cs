using System.Text.Json.Serialization;

namespace ShardCore.RingDocuments;

/// <summary>
/// A ring as it is stored in Redis, in the history and on a router's disk. Only <see cref="RingDocumentCodec"/> writes and reads it.
/// Example:
/// <code>{"schema":1,"cluster":{"name":"default","id":"…"},"epoch":7,"hash":"sha256-14",
///  "shards":[{"id":"s1","host":"10.0.0.1","port":5432,"database":"app","weight":1,"state":"active"}],
///  "slots":[[0,16383,"s1"]],"checksum":"sha256:…"}</code>
/// A shard with standbys has <c>"hosts":["10.0.0.1:5432","10.0.0.2:5432"]</c> instead of host and port.
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

/// <summary>A shard as it is stored: in the ring document, and in the copy of the shard list that every shard has.</summary>
public sealed record ShardDocument([property: JsonPropertyOrder(-2)] string Id, string Database, int Weight, string State)
{
    /// <summary>Set together with <see cref="Port"/> if the shard is on one server; otherwise null.</summary>
    [JsonPropertyOrder(-1), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Host { get; init; }

    [JsonPropertyOrder(-1), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Port { get; init; }

    /// <summary>Set if the shard has standbys, each host as <c>host:port</c>; otherwise null.</summary>
    [JsonPropertyOrder(-1), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Hosts { get; init; }
}

/// <summary>A slot run, written as <c>[first, last, "shard"]</c>.</summary>
[JsonConverter(typeof(SlotRunConverter))]
internal sealed record SlotRunDocument(int First, int Last, string Shard);
