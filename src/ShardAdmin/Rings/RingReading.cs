using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardCore.RingStorage;

namespace ShardAdmin.Rings;

/// <summary>Reads the ring in Redis, from which most commands start. The ring must exist and be valid.</summary>
internal static class RingReading
{
    /// <exception cref="CommandFailedException">There is no ring, or it cannot be read.</exception>
    /// <exception cref="RedisUnavailableException" />
    public static async Task<ShardRing> RequireRingAsync(this AdminSession session, CancellationToken cancellation) =>
        await session.FindRingAsync(cancellation)
            ?? throw new CommandFailedException(
                ExitCode.NotFound,
                $"There is no ring of the cluster '{session.Settings.Cluster}' in Redis at {session.Redis.Endpoint}.",
                "shardadmin init --shard s1=host:port/database …   (a new cluster), or, if its shards exist: "
                + "shardadmin ring rebuild --seed host:port/database");

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
                ExitCode.Precondition, $"The ring in Redis cannot be used: {e.Message}",
                "shardadmin ring rebuild --seed host:port/database");
        }
        if (ring is not null && !string.Equals(ring.Cluster.Name, session.Settings.Cluster, StringComparison.Ordinal))
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"The ring in Redis under the name '{session.Settings.Cluster}' says that it belongs to the cluster '{ring.Cluster.Name}'.",
                "shardadmin ring rebuild --seed host:port/database");
        return ring;
    }

    /// <exception cref="CommandFailedException">The ring has no such shard.</exception>
    public static Shard RequireShard(this ShardRing ring, ShardId id) => ring.Find(id)
        ?? throw new CommandFailedException(ExitCode.NotFound, $"There is no shard {id}.", "shardadmin ring show");

    /// <summary>For a plan that was made before.</summary>
    /// <param name="pinned">Null: any.</param>
    /// <exception cref="CommandFailedException">The ring has another epoch than the plan was made for.</exception>
    public static void RequireEpoch(ShardRing ring, Epoch? pinned)
    {
        if (pinned is { } epoch && ring.Epoch != epoch)
            throw new CommandFailedException(new Failure(
                ExitCode.Conflict, $"The plan is stale: it was made for epoch {epoch} of the ring, which has epoch {ring.Epoch} now.",
                "Nothing was changed.", "shardadmin plan …   (anew)"));
    }
}
