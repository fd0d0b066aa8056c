namespace ShardAdmin.Cluster;

/// <param name="Ok">No difference; residue alone is none.</param>
/// <param name="Rows">Looked at, residue included.</param>
internal sealed record VerifyReport(
    bool Ok, string Cluster, long? Epoch, int SlotsChecked, long Rows, IReadOnlyList<VerifyDifference> Differences, IReadOnlyList<VerifyResidue> Residue);

/// <param name="Kind">ring-unreadable · slot-unowned · slot-owned-twice · ring-disagrees · row-misplaced · row-in-foreign-slot</param>
/// <param name="Slots">As 5, 5-9 or 5,7-9; null when it concerns no slot.</param>
/// <param name="Shard">Null when it concerns none or several.</param>
internal sealed record VerifyDifference(string Kind, string? Slots, string? Shard, string Detail);

/// <summary>Rows in slots that the shard released or is importing: invisible, and to be removed.</summary>
internal sealed record VerifyResidue(string Shard, string Slots, long Rows);
