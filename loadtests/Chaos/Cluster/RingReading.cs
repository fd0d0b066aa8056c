using System.Diagnostics;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace LoadTests.Chaos.Cluster;

/// <summary>Reads the ring with more patience than a program of the service has: on a busy machine connecting takes seconds.</summary>
internal static class RingReading
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static RedisKeys Keys { get; } = new("default");

    public static async Task<ShardRing?> ReadAsync(RedisConnection connection, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(100, cancellation))
        {
            try
            {
                return await new RedisRingStore(connection, Keys).ReadAsync(cancellation);
            }
            catch (RedisUnavailableException) when (clock.Elapsed < Patience)
            {
                // once more
            }
        }
    }
}
