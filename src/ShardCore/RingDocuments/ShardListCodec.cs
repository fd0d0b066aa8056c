using System.Text.Json;
using ShardCore.Ring;

namespace ShardCore.RingDocuments;

/// <summary>
/// Writes and reads the shard list as JSON. It is a part of the ring document, and every shard has a copy of it for a rebuild.
/// </summary>
public static class ShardListCodec
{
    public static string Write(IEnumerable<Shard> shards) =>
        JsonSerializer.Serialize([.. shards.OrderBy(shard => shard.Id).Select(ToDocument)], RingJson.Default.IReadOnlyListShardDocument);

    /// <exception cref="BadRingException">The text is not a shard list.</exception>
    public static IReadOnlyList<Shard> Read(string text)
    {
        try
        {
            return [.. JsonSerializer.Deserialize(text, RingJson.Default.IReadOnlyListShardDocument)!.Select(FromDocument)];
        }
        catch (Exception e) when (e is JsonException or ArgumentException or FormatException)
        {
            throw new BadRingException($"The shard list is not readable: {e.Message}", e);
        }
    }

    internal static ShardDocument ToDocument(Shard shard) =>
        Placed(
            new ShardDocument(shard.Id.Value, shard.Database, shard.Weight, shard.State == ShardState.Active ? "active" : "draining"),
            shard.At);

    private static ShardDocument Placed(ShardDocument document, ShardAddress at) => at.HasStandbys
        ? document with { Hosts = [.. at.Hosts.Select(host => host.ToString())] }
        : document with { Host = at.Hosts[0].Name, Port = at.Hosts[0].Port };

    /// <param name="document">Null if the list has a null in this place: the JSON reader lets that through.</param>
    internal static Shard FromDocument(ShardDocument? document)
    {
        if (document is null)
            throw new FormatException("The shard list has a null in the place of a shard.");
        var shard = new Shard(
            new ShardId(document.Id), new ShardAddress(HostsOf(document), document.Database), document.Weight, document.State switch
            {
                "active" => ShardState.Active,
                "draining" => ShardState.Draining,
                _ => throw new FormatException($"Shard {document.Id} has the unknown state '{document.State}'."),
            });
        if (ShardRules.FirstViolation(shard) is { } violation)
            throw new FormatException(violation);
        return shard;
    }

    private static IEnumerable<ShardHost> HostsOf(ShardDocument document) => document switch
    {
        { Hosts: null, Host: { } host, Port: { } port } => [new ShardHost(host, port)],
        { Hosts: [_, _, ..] hosts, Host: null, Port: null }
            when ShardAddress.ParseHosts(string.Join(',', hosts), defaultPort: null) is { } parsed
            && parsed.Count == hosts.Count => parsed,
        _ => throw new FormatException($"Shard {document.Id} has neither a host with a port nor a list of hosts."),
    };
}
