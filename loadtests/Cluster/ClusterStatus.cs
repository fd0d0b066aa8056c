using System.Text.Json;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>The answer of <c>./dev status --json</c>.</summary>
internal sealed record ClusterStatus(Uri Proxy, IReadOnlyList<RouterAddress> Routers, string Redis, IReadOnlyList<ShardServer> Shards)
{
    /// <summary>The first shard.</summary>
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
