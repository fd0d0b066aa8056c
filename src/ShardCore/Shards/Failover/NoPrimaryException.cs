using Npgsql;
using ShardCore.Ring;

namespace ShardCore.Shards.Failover;

/// <summary>None of a shard's hosts is a primary that can be believed. During every failover this lasts for seconds.</summary>
public sealed class NoPrimaryException(ShardAddress address, IReadOnlyList<HostView> views, ShardPosition? seen)
    : NpgsqlException($"None of the hosts of {address} is its primary: {string.Join("; ", views.Select(view => Describe(view, seen)))}.")
{
    /// <summary>True: a standby may take over.</summary>
    public override bool IsTransient => true;

    private static string Describe(HostView view, ShardPosition? seen) =>
        view.Role == HostRole.Primary && PrimaryChoice.IsReplaced(view, seen)
        ? $"{view.Describe()}, and timeline {seen!.Timeline} was seen already: it was replaced"
        : view.Describe();
}
