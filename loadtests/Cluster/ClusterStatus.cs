using System.Text.Json;

namespace LoadTests.Cluster;

/// <summary>What <c>./dev status --json</c> says.</summary>
internal sealed record ClusterStatus(Uri Proxy, IReadOnlyList<RouterAddress> Routers, string Redis, IReadOnlyList<ShardServer> Shards)
{
    /// <summary>The first.</summary>
    public ShardServer Shard => Shards[0];

    public static ClusterStatus Parse(string json)
    {
        using var status = JsonDocument.Parse(json);
        var root = status.RootElement;
        var redis = root.GetProperty("redis");
        return new ClusterStatus(
            new Uri(root.GetProperty("proxy").GetString()!),
            [.. root.GetProperty("routers").EnumerateArray().Select(router => new RouterAddress(
                new Uri(router.GetProperty("url").GetString()!), router.GetProperty("pid").GetInt32()))],
            $"{redis.GetProperty("host").GetString()}:{redis.GetProperty("port").GetInt32()}",
            [.. root.GetProperty("shards").EnumerateArray().Select(shard => new ShardServer(
                shard.GetProperty("host").GetString()!, shard.GetProperty("port").GetInt32(), shard.GetProperty("database").GetString()!, shard.GetProperty("pid").GetInt32()))]);
    }
}

internal sealed record RouterAddress(Uri Url, int ProcessId);
