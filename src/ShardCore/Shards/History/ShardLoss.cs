using System.Globalization;
using NpgsqlTypes;
using ShardCore.Ring;
using ShardCore.Shards.Failover;

namespace ShardCore.Shards.History;

/// <summary>A shard came back without something that was seen of it before. The loss stays known until a person accepts it.</summary>
/// <param name="Kept">The position that was seen before.</param>
/// <param name="Found">The position that was found instead.</param>
/// <param name="LostBytes">At least so many bytes of the log are lost; null: unknown.</param>
/// <param name="By">The router, agent or command that found the loss first.</param>
public sealed record ShardLoss(
    ShardPosition Kept, ShardPosition Found, long? LostBytes, bool IsHistoryUnread, DateTimeOffset At, string By)
{
    /// <summary>The command by which a person accepts the loss.</summary>
    public static string NextFor(ShardId shard) => $"shardadmin accept-loss {shard}";

    /// <returns>Half a sentence that goes on after "Shard s1": what was seen, what is there now, and how much is lost.</returns>
    public string Describe()
    {
        if (Kept.System != Found.System)
            return $"is another server now: its system identifier was {Kept.System} and is {Found.System}. How much is lost is unknown";
        var seen = $"it was seen at {Kept.Lsn} of timeline {Kept.Timeline}";
        if (IsHistoryUnread)
            return $"may have lost commits: {seen} and has timeline {Found.Timeline} now, whose history nobody may read "
                + "(alter role … replication, and a line for replication in pg_hba.conf)";
        if (LostBytes is not { } bytes)
            return $"lost commits: {seen}, of which its timeline {Found.Timeline} knows nothing. How much is lost is unknown";
        if (Kept.Timeline == Found.Timeline)
            return $"lost commits: {seen} and came back at {Found.Lsn}, so at least {Count(bytes)} bytes of its log are lost";
        var end = new NpgsqlLogSequenceNumber((ulong)Kept.Lsn - (ulong)bytes);
        return $"lost commits: {seen}, and its timeline {Found.Timeline} has only what was before {end}, "
            + $"so {Count(bytes)} bytes of its log are lost";
    }

    private static string Count(long bytes) => bytes.ToString("N0", CultureInfo.InvariantCulture);
}
