namespace ShardCore.Shards.History;

public enum HistoryVerdict
{
    /// <summary>All that was seen before is there.</summary>
    SameOrLater,

    /// <summary>A part of the log that was seen before is not there, or nobody can tell.</summary>
    LostCommits,

    /// <summary>Another system identifier: its log cannot be compared at all.</summary>
    AnotherServer,
}

/// <summary>Pure: whether a server still has what was seen of its log before.</summary>
/// <param name="LostBytes">Of the log, at least; null: unknown.</param>
/// <param name="IsHistoryUnread">The timeline is a later one, and nobody may read where it began.</param>
public sealed record HistoryJudgement(HistoryVerdict Verdict, long? LostBytes = null, bool IsHistoryUnread = false)
{
    /// <summary>A later timeline contains an earlier one only up to its switch point, which the server's history file names.</summary>
    public static bool NeedsTimelines(ShardPosition kept, ShardPosition now) => kept.System == now.System && now.Timeline > kept.Timeline;

    /// <param name="timelines">Of the present timeline; only read if <see cref="NeedsTimelines"/>.</param>
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
