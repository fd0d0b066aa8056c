using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardAdmin.Cluster;

/// <summary>The ring that most commands start from: the one in Redis, and it has to be there and good.</summary>
internal static class RingReading
{
    /// <exception cref="CommandFailedException">There is none, or none that can be read.</exception>
    /// <exception cref="RedisUnavailableException" />
    public static async Task<ShardRing> RequireRingAsync(this AdminSession session, CancellationToken cancellation) =>
        await session.FindRingAsync(cancellation)
            ?? throw new CommandFailedException(
                ExitCode.NotFound,
                $"There is no ring of the cluster '{session.Settings.Cluster}' in Redis at {session.Redis.Endpoint}.",
                "shardadmin init --shard s1=host:port/database …   (a new cluster), or, if its shards exist: shardadmin ring rebuild --seed host:port/database");

    /// <returns>Null when there is no ring.</returns>
    public static async Task<ShardRing?> FindRingAsync(this AdminSession session, CancellationToken cancellation)
    {
        ShardRing? ring;
        try
        {
            ring = await session.Rings.ReadAsync(cancellation);
        }
        catch (BadRingException e)
        {
            throw new CommandFailedException(
                ExitCode.Precondition, $"The ring in Redis cannot be used: {e.Message}", "shardadmin ring rebuild --seed host:port/database");
        }
        if (ring is not null && !string.Equals(ring.Cluster.Name, session.Settings.Cluster, StringComparison.Ordinal))
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"The ring in Redis under the name '{session.Settings.Cluster}' says that it belongs to the cluster '{ring.Cluster.Name}'.",
                "shardadmin ring rebuild --seed host:port/database");
        return ring;
    }
}
