using System.Globalization;
using ShardCore.Ring;

namespace ShardCore.Shards.History;

/// <summary>A shard came back without what was seen of it before. It stays known until somebody accepts it.</summary>
/// <param name="Kept">What was seen before.</param>
/// <param name="Found">What was found instead.</param>
/// <param name="LostBytes">Of the log, at least; null: unknown.</param>
/// <param name="By">Which router, agent or command found it first.</param>
public sealed record ShardLoss(ShardPosition Kept, ShardPosition Found, long? LostBytes, bool IsHistoryUnread, DateTimeOffset At, string By)
{
    /// <summary>The command that ends it.</summary>
    public static string NextFor(ShardId shard) => $"shardadmin accept-loss {shard}";

    /// <returns>Half a sentence that goes on after "Shard s1": what was seen, what is there now, and how much is lost.</returns>
    public string Describe() => this switch
    {
        _ when Kept.System != Found.System => $"is another server now: its system identifier was {Kept.System} and is {Found.System}. How much is lost is unknown",
        { IsHistoryUnread: true } =>
            $"may have lost commits: it was seen at {Kept.Lsn} of timeline {Kept.Timeline} and has timeline {Found.Timeline} now, whose history nobody may read "
            + "(alter role … replication, and a line for replication in pg_hba.conf)",
        { LostBytes: null } => $"lost commits: it was seen at {Kept.Lsn} of timeline {Kept.Timeline}, of which its timeline {Found.Timeline} knows nothing. How much is lost is unknown",
        { LostBytes: { } bytes } when Kept.Timeline == Found.Timeline =>
            $"lost commits: it was seen at {Kept.Lsn} of timeline {Kept.Timeline} and came back at {Found.Lsn}, so at least {Count(bytes)} bytes of its log are lost",
        { LostBytes: { } bytes } =>
            $"lost commits: it was seen at {Kept.Lsn} of timeline {Kept.Timeline}, and its timeline {Found.Timeline} has only what was before {new NpgsqlTypes.NpgsqlLogSequenceNumber((ulong)Kept.Lsn - (ulong)bytes)}, "
            + $"so {Count(bytes)} bytes of its log are lost",
    };

    private static string Count(long bytes) => bytes.ToString("N0", CultureInfo.InvariantCulture);
}
