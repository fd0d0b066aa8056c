namespace ShardAdmin.Cluster;

/// <param name="Verdict">ok · degraded (some of it does not serve, or soon might not) · down (nothing serves).</param>
/// <param name="Reasons">Why it is not ok, one sentence each.</param>
/// <param name="Operations">Those that are not over.</param>
/// <param name="Agents">How many run.</param>
/// <param name="BackupPoint">The newest; null: none is known.</param>
internal sealed record StatusReport(
    bool Ok, string Verdict, IReadOnlyList<string> Reasons, string Cluster, Guid ClusterId, long Epoch,
    IReadOnlyList<ShardStatus> Shards, IReadOnlyList<RouterLine> Routers, IReadOnlyList<OperationStatus> Operations, int Agents,
    BackupPointStatus? BackupPoint)
{
    public bool AllReachable => Shards.All(shard => shard.Reachable);
}

/// <param name="Slots">That it owns by its own word; null when it does not answer.</param>
/// <param name="Items">Exact for small tables, else the planner's estimate; expired and left-over ones included.</param>
/// <param name="RingEpoch">Of its shard list copy.</param>
/// <param name="KnownEpoch">The highest that it knows, from its slots too.</param>
internal sealed record ShardStatus(
    string Id, string Address, int Weight, bool Reachable, string? Problem, int? SchemaVersion, int? Slots, double? Share, long? Items, long? SizeBytes, long? RingEpoch, long? KnownEpoch,
    StandbyStatus Standbys);

/// <param name="Hosts">That the ring names, by their own word; empty: one, which is the primary.</param>
/// <param name="Streaming">Null: the primary does not answer.</param>
/// <param name="TakeoverLoses">Of what was acknowledged, if the primary were gone now; null: it does not answer.</param>
internal sealed record StandbyStatus(IReadOnlyList<HostLine> Hosts, IReadOnlyList<StandbyLine>? Streaming, string? TakeoverLoses, string? Summary)
{
    public static StandbyStatus Of(ShardStandbys standbys, bool isReachable) => isReachable
        ? new StandbyStatus(standbys.Hosts, standbys.Streaming, standbys.TakeoverLoses, standbys.Summary)
        : new StandbyStatus(standbys.Hosts, null, null, null);
}
