using System.Diagnostics;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace Chaos.Cluster;

/// <summary>Reads the ring with more patience than the service's programs: on a busy machine a connection may take seconds.</summary>
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
                // try again
            }
        }
    }
}
