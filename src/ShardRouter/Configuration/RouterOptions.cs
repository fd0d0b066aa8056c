using System.Globalization;
using ShardCore.RingStorage;

namespace ShardRouter.Configuration;

/// <summary>All settings of a router, from the environment. Each property names its variable.</summary>
public sealed record RouterOptions
{
    /// <summary>SHARDING_CLUSTER, default "default".</summary>
    public required string ClusterName { get; init; }

    /// <summary>SHARDING_REDIS, host:port or the client's connection string (<see cref="RedisAddress"/>), default 127.0.0.1:6379.</summary>
    public required string Redis { get; init; }

    /// <summary>SHARDING_ROUTER_ID: unique among the routers; default machine name and data port.</summary>
    public required string RouterId { get; init; }

    /// <summary>SHARDING_BIND: the address on which both ports listen, default 127.0.0.1; "*" is all.</summary>
    public required string Bind { get; init; }

    /// <summary>SHARDING_DATA_PORT, default 8080.</summary>
    public required int DataPort { get; init; }

    /// <summary>SHARDING_OPS_PORT, default 8081. Not for the public.</summary>
    public required int OperationsPort { get; init; }

    /// <summary>SHARDING_TLS_CERT and SHARDING_TLS_KEY: PEM files; with them the data port speaks TLS only. Null: it speaks none.</summary>
    public required TlsFiles? TlsFiles { get; init; }

    /// <summary>SHARDING_ADVERTISE: the URL of the data port that the registry shows.</summary>
    public required string Advertise { get; init; }

    /// <summary>SHARDING_STATE_DIR: the directory in which the last good ring is kept; null: it is not kept.</summary>
    public required string? StateDirectory { get; init; }

    /// <summary>
    /// SHARDING_DRAIN_SECONDS, default 2: how long a router that was told to stop goes on serving while it says that it is not ready.
    /// This must be longer than the proxy needs to notice.
    /// </summary>
    public required TimeSpan DrainDelay { get; init; }

    /// <summary>SHARDING_POOL_SIZE, default 32: Postgres connections per shard.</summary>
    public required int PoolSize { get; init; }

    /// <summary>
    /// SHARDING_PAYLOAD_MIB, default 64: how much of bodies and answers the router holds at the same time, for all requests together.
    /// </summary>
    public required int PayloadMebibytes { get; init; }

    /// <summary>
    /// SHARDING_QUEUE_MS, default 250: how long operations should wait for their shard, and batches, transactions, lists and queries four
    /// times as long. Longer waits are borne for a second; if they last, operations are refused (<see cref="Shards.QueueDelay"/>).
    /// </summary>
    public required TimeSpan QueueDelay { get; init; }

    /// <exception cref="FormatException">A variable cannot be used. The message names it and says what it may be.</exception>
    public static RouterOptions FromEnvironment(Func<string, string?> variable)
    {
        var bind = Text("SHARDING_BIND", "127.0.0.1");
        var dataPort = Number("SHARDING_DATA_PORT", 8080, 1, 65_535);
        var host = bind is "*" or "0.0.0.0" ? Environment.MachineName : bind;
        var tls = TlsFiles.Of(Text("SHARDING_TLS_CERT", ""), Text("SHARDING_TLS_KEY", ""));
        return new RouterOptions
        {
            ClusterName = Text("SHARDING_CLUSTER", "default"),
            Redis = Server("SHARDING_REDIS", "127.0.0.1:6379"),
            RouterId = Text("SHARDING_ROUTER_ID", string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName.ToLowerInvariant()}-{dataPort}")),
            Bind = bind,
            DataPort = dataPort,
            OperationsPort = Number("SHARDING_OPS_PORT", 8081, 1, 65_535),
            TlsFiles = tls,
            Advertise = Text(
                "SHARDING_ADVERTISE", string.Create(CultureInfo.InvariantCulture, $"http{(tls is null ? "" : "s")}://{host}:{dataPort}")),
            StateDirectory = variable("SHARDING_STATE_DIR") is { Length: > 0 } directory ? directory : null,
            DrainDelay = TimeSpan.FromSeconds(Number("SHARDING_DRAIN_SECONDS", 2, 0, 300)),
            PoolSize = Number("SHARDING_POOL_SIZE", 32, 1, 1000),
            PayloadMebibytes = Number("SHARDING_PAYLOAD_MIB", 64, 16, 65_536),
            QueueDelay = TimeSpan.FromMilliseconds(Number("SHARDING_QUEUE_MS", 250, 10, 30_000)),
        };

        string Server(string name, string otherwise) => Text(name, otherwise) is var text && RedisAddress.IsValid(text)
            ? text
            : throw new FormatException($"{name} is '{text.Split(',')[0]}'; it must be {RedisAddress.Expected}.");

        string Text(string name, string otherwise) => variable(name) is { Length: > 0 } value ? value : otherwise;

        int Number(string name, int otherwise, int least, int most)
        {
            var text = Text(name, otherwise.ToString(CultureInfo.InvariantCulture));
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
                ? value
                : throw new FormatException($"{name} is '{text}'; it must be a whole number from {least} to {most}.");
        }
    }
}
