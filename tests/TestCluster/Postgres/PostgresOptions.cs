using System.Globalization;

namespace TestCluster;

/// <summary>What a test may ask of a server beyond the settings that all have.</summary>
/// <param name="Host">A loopback address; servers on their own 127.0.1.x can be cut off one by one.</param>
/// <param name="Settings">Further <c>name=value</c> pairs; the last of a name counts.</param>
public sealed record PostgresOptions(string Host = "127.0.0.1", params string[] Settings)
{
    // fsync=off: a killed process loses nothing that the kernel has, and no test pulls the plug.
    // synchronous_commit stays on: "acknowledged" must mean the same as in production.
    private static readonly string[] Common =
    [
        "fsync=off", "full_page_writes=off", "synchronous_commit=on", "wal_level=logical", "max_connections=200",
        "max_wal_senders=20", "max_replication_slots=20", "lc_messages=C",
    ];

    /// <summary>
    /// The environment of the server. glibc gives memory of more than 128 KiB back after each statement and takes it anew for the next one.
    /// Each page of it is a page fault. On a virtual machine, where one takes up to 0.1 ms, that is nine tenths of a large statement.
    /// </summary>
    internal static IReadOnlyDictionary<string, string?> Environment { get; } = new Dictionary<string, string?>(StringComparer.Ordinal)
    {
        ["MALLOC_TRIM_THRESHOLD_"] = "268435456",
        ["MALLOC_MMAP_THRESHOLD_"] = "33554432",
    };

    /// <summary>Where its data folder is; null: where there is room.</summary>
    public SmallDisk? Disk { get; init; }

    /// <summary>The command line of the server, without port, address and data folder.</summary>
    public IEnumerable<string> Arguments => Common.Concat(Settings).SelectMany(setting => new[] { "-c", setting });

    /// <summary>Those of a process on this machine, without a socket file. A container's start-up script needs that one.</summary>
    internal IEnumerable<string> ArgumentsFor(int port) =>
        [.. Arguments, "-c", "unix_socket_directories=", "-c", $"listen_addresses={Host}", "-c", string.Create(CultureInfo.InvariantCulture, $"port={port}")];
}
