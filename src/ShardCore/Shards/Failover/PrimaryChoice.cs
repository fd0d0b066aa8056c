using ShardCore.Ring;

namespace ShardCore.Shards.Failover;

/// <summary>Chooses which of a shard's hosts is its primary. A pure function.</summary>
/// <remarks>
/// Two hosts may say that they are the primary: a server that was cut off or asleep while its standby took over does not know it. Each
/// promotion begins a new timeline, so the host with the highest timeline is right. For the same reason a primary is not believed if its
/// timeline is lower than one that was seen before, even if no other primary answers: that server was replaced, and what it would take
/// would be lost. Only a person can say otherwise (<c>shardadmin accept-loss</c>).
/// </remarks>
public static class PrimaryChoice
{
    /// <param name="views">The views of all hosts.</param>
    /// <param name="seen">The highest timeline that was seen before, with its system; null: none was seen.</param>
    /// <param name="current">The present primary. It stays if another host has an equal claim.</param>
    /// <returns>Null: no host can be believed.</returns>
    public static ShardHost? Of(IReadOnlyList<HostView> views, ShardPosition? seen, ShardHost? current)
    {
        var believed = views.Where(view => view.Role == HostRole.Primary && !IsReplaced(view, seen)).ToList();
        if (believed.Count == 0)
            return null;
        // A foreign server at one of the addresses may have any timeline. It is taken only if nobody else is there: the shard was restored then, and
        // the comparison of positions tells of it.
        if (seen is not null && believed.Exists(view => view.System == seen.System))
            believed.RemoveAll(view => view.System != seen.System);
        var highest = believed.Max(view => view.Timeline);
        var best = believed.FindAll(view => view.Timeline == highest);
        return (best.Find(view => view.Host == current) ?? best[0]).Host;
    }

    /// <summary>Whether a standby of this host has taken over since.</summary>
    public static bool IsReplaced(HostView view, ShardPosition? seen) =>
        seen is not null && view.System == seen.System && view.Timeline < seen.Timeline;
}
