using ShardAdmin.Operations;
using ShardAdmin.Shards;

namespace ShardAdmin.Cluster;

/// <param name="Verdict">ok · degraded (a part does not serve, or soon might not) · down (nothing serves).</param>
/// <param name="Reasons">Why the cluster is not ok; one sentence for each reason.</param>
/// <param name="Operations">The unfinished operations.</param>
/// <param name="Agents">How many agents run.</param>
/// <param name="Indexes">Indexes that are not ready in all shards.</param>
/// <param name="BackupPoint">The newest backup point; null: none is known.</param>
internal sealed record StatusReport(
    bool Ok, string Verdict, IReadOnlyList<string> Reasons, string Cluster, Guid ClusterId, long Epoch,
    IReadOnlyList<ShardStatus> Shards, IReadOnlyList<RouterLine> Routers, IReadOnlyList<OperationStatus> Operations, int Agents,
    IReadOnlyList<IndexStatus> Indexes, BackupPointStatus? BackupPoint)
{
    public bool AllReachable => Shards.All(shard => shard.Reachable);
}

/// <param name="State">building · failed · dropping · differs</param>
/// <param name="Progress">0…1, over all shards.</param>
internal sealed record IndexStatus(string Collection, string Index, string State, double Progress);

/// <param name="Slots">The number of slots that it says it owns; null: it does not answer.</param>
/// <param name="Items">The number of rows: exact for small tables, otherwise Postgres' estimate. Expired and left-over rows count
/// too.</param>
/// <param name="ItemsAreEstimated">Whether Items is an estimate; null: the shard does not answer.</param>
/// <param name="RingEpoch">The epoch of its copy of the list of shards.</param>
/// <param name="KnownEpoch">The highest epoch that it knows, also from its slots.</param>
internal sealed record ShardStatus(
    string Id, string Address, int Weight, bool Reachable, string? Problem, int? SchemaVersion, int? Slots, double? Share, long? Items,
    bool? ItemsAreEstimated, long? SizeBytes, long? RingEpoch, long? KnownEpoch, StandbyStatus Standbys);

/// <param name="Hosts">The hosts that the ring names, as they themselves report; empty: the ring names only one host.</param>
/// <param name="Streaming">The standbys that stream from the primary; null: the primary does not answer.</param>
/// <param name="TakeoverLoses">The acknowledged writes that would be lost if the primary were gone now; null: it does not answer.</param>
internal sealed record StandbyStatus(
    IReadOnlyList<HostLine> Hosts, IReadOnlyList<StandbyLine>? Streaming, string? TakeoverLoses, string? Summary)
{
    public static StandbyStatus Of(ShardStandbys standbys, bool isReachable) => isReachable
        ? new StandbyStatus(standbys.Hosts, standbys.Streaming, standbys.TakeoverLoses, standbys.Summary)
        : new StandbyStatus(standbys.Hosts, null, null, null);
}
