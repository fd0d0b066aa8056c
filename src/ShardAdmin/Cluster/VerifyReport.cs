namespace ShardAdmin.Cluster;

/// <param name="Ok">No difference; residue alone is none.</param>
/// <param name="Rows">Looked at, residue included.</param>
/// <param name="RowsRead">By this run: fewer when it carried another on.</param>
/// <param name="Seconds">Of reading them.</param>
/// <param name="Saved">The file with the checksums; null: none.</param>
internal sealed record VerifyReport(
    bool Ok, string Cluster, long? Epoch, int SlotsChecked, long Rows, IReadOnlyList<VerifyDifference> Differences, IReadOnlyList<VerifyResidue> Residue)
{
    public long RowsRead { get; init; }

    public double Seconds { get; init; }

    public string? Saved { get; init; }

    public IReadOnlyList<VerifyHandOver> HandOvers { get; init; } = [];

    public IReadOnlyList<VerifyComparison> Comparisons { get; init; } = [];
}

/// <param name="Kind">
/// ring-unreadable · slot-unowned · slot-owned-twice · ring-disagrees · row-misplaced · row-in-foreign-slot ·
/// hand-over-differs · disputed · run-differs (from an earlier run) · copy-differs (from another database)
/// </param>
/// <param name="Slots">As 5, 5-9 or 5,7-9; null when it concerns no slot.</param>
/// <param name="Shard">Null when it concerns none or several.</param>
internal sealed record VerifyDifference(string Kind, string? Slots, string? Shard, string Detail);

/// <summary>Rows in slots that the shard released or is importing: invisible, and to be removed.</summary>
internal sealed record VerifyResidue(string Shard, string Slots, long Rows);

/// <summary>A hand-over of which the source still has its rows.</summary>
/// <param name="Compared">False: a mover has compared it already, or the target does not own the slots yet.</param>
/// <param name="Rows">Of the source.</param>
internal sealed record VerifyHandOver(Guid Move, string Source, string Target, string Slots, bool Compared, long Rows);

/// <param name="With">The file of an earlier run, or another database.</param>
/// <param name="Slots">In which either has rows.</param>
internal sealed record VerifyComparison(string With, int Slots, int Differing);
