using System.Collections.Concurrent;
using ShardCore.Ring;

namespace ShardCore.Shards.Failover;

/// <summary>
/// The highest timeline on which each host was seen. A standby whose primary is away does not stream. It then tells the timeline of its
/// last checkpoint, which after a takeover is an earlier one for minutes.
/// </summary>
/// <remarks>
/// A server does not go back to an earlier timeline. If one was restored to before, this class still has its former timeline until it
/// streams. That is harmless: only eventual reads go to a standby that does not stream (<c>ReadCheck</c> asks in each statement).
/// </remarks>
public sealed class HostTimelines
{
    private readonly ConcurrentDictionary<(ShardHost Host, string System), uint> _highest = [];

    /// <returns>The same view; of a standby, with the highest timeline on which the host was seen.</returns>
    public HostView Known(HostView view)
    {
        if (view.Role == HostRole.Silent)
            return view;
        var highest = _highest.AddOrUpdate((view.Host, view.System), view.Timeline, (_, before) => Math.Max(before, view.Timeline));
        return view.Role == HostRole.Standby ? view with { Timeline = highest } : view;
    }
}
