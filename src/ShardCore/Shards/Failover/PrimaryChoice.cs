using ShardCore.Ring;
using ShardCore.Shards.History;

namespace ShardCore.Shards.Failover;

/// <summary>Pure: which of a shard's hosts is its primary.</summary>
/// <remarks>
/// Two may say that they are: a server that was cut off or asleep while its standby took over does not know it. Each promotion begins a new timeline, so the
/// one of the highest timeline is right. For the same reason a primary of a lower timeline than was ever seen is not believed, even if it is the only one that
/// answers: it is the one that was replaced, and what it would take is lost. Only a person can say otherwise (<c>shardadmin accept-loss</c>).
/// </remarks>
public static class PrimaryChoice
{
    /// <param name="views">Of all hosts.</param>
    /// <param name="seen">The highest timeline that was seen before, with its system; null: none.</param>
    /// <param name="current">Stays if another says the same as it.</param>
    /// <returns>Null: none can be believed.</returns>
    public static ShardHost? Of(IReadOnlyList<HostView> views, ShardPosition? seen, ShardHost? current)
    {
        var believed = views.Where(view => view.Role == HostRole.Primary && !IsReplaced(view, seen)).ToList();
        if (believed.Count == 0)
            return null;
        var highest = believed.Max(view => view.Timeline);
        var best = believed.FindAll(view => view.Timeline == highest);
        return (best.Find(view => view.Host == current) ?? best[0]).Host;
    }

    /// <summary>A standby of it has taken over since.</summary>
    public static bool IsReplaced(HostView view, ShardPosition? seen) => seen is not null && view.System == seen.System && view.Timeline < seen.Timeline;
}
