using ShardCore.Shards.Failover;

namespace ShardCore.Shards.History;

public enum HistoryVerdict
{
    /// <summary>The server has all that was seen before.</summary>
    SameOrLater,

    /// <summary>A part of the log that was seen before is missing, or nobody can tell whether it is there.</summary>
    LostCommits,

    /// <summary>The server has another system identifier: its log cannot be compared at all.</summary>
    AnotherServer,
}

/// <summary>Judges whether a server still has the part of its log that was seen before. A pure function.</summary>
/// <param name="LostBytes">At least so many bytes of the log are lost; null: unknown.</param>
/// <param name="IsHistoryUnread">The timeline is a later one, and our user may not read where it began.</param>
public sealed record HistoryJudgement(HistoryVerdict Verdict, long? LostBytes = null, bool IsHistoryUnread = false)
{
    /// <summary>A later timeline contains an earlier one only up to its switch point, which the server's history file names.</summary>
    public static bool NeedsTimelines(ShardPosition kept, ShardPosition now) => kept.System == now.System && now.Timeline > kept.Timeline;

    /// <param name="timelines">The history of the present timeline; it is read only if <see cref="NeedsTimelines"/>.</param>
    public static HistoryJudgement Of(ShardPosition kept, ShardPosition now, TimelineHistory? timelines)
    {
        if (kept.System != now.System)
            return new HistoryJudgement(HistoryVerdict.AnotherServer);
        if (now.Timeline < kept.Timeline)
            return new HistoryJudgement(HistoryVerdict.LostCommits);
        if (now.Timeline == kept.Timeline)
            return Reaching(kept, (ulong)now.Lsn);
        if (timelines?.Timeline != now.Timeline || timelines.Switches is not { } switches)
            return new HistoryJudgement(HistoryVerdict.LostCommits, IsHistoryUnread: true);
        return switches.TryGetValue(kept.Timeline, out var end)
            ? Reaching(kept, (ulong)end)
            : new HistoryJudgement(HistoryVerdict.LostCommits);
    }

    private static HistoryJudgement Reaching(ShardPosition kept, ulong end) => end >= (ulong)kept.Lsn
        ? new HistoryJudgement(HistoryVerdict.SameOrLater)
        : new HistoryJudgement(HistoryVerdict.LostCommits, (long)((ulong)kept.Lsn - end));
}
