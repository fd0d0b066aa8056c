namespace ShardAdmin.Verifying;

/// <param name="Ok">True: there is no difference. Residue is not a difference.</param>
/// <param name="Rows">The number of rows that were checked, with residue.</param>
/// <param name="RowsRead">The number of rows that this run read: fewer, if it continued an interrupted run.</param>
/// <param name="Seconds">The time for reading them.</param>
/// <param name="Saved">The file with the checksums; null: none was written.</param>
internal sealed record VerifyReport(
    bool Ok, string Cluster, long? Epoch, int SlotsChecked, long Rows, IReadOnlyList<VerifyDifference> Differences,
    IReadOnlyList<VerifyResidue> Residue)
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
/// <param name="Slots">The slots, such as 5, 5-9 or 5,7-9; null: the difference is not about slots.</param>
/// <param name="Shard">Null: the difference is about no shard, or about several.</param>
internal sealed record VerifyDifference(string Kind, string? Slots, string? Shard, string Detail);

/// <summary>Rows in slots that the shard has released or is importing. No client sees them, and they should be deleted.</summary>
internal sealed record VerifyResidue(string Shard, string Slots, long Rows);

/// <summary>A hand-over whose source still has its rows.</summary>
/// <param name="Compared">False: this run did not compare it, because a mover has compared it already or the target does not own the slots
/// yet.</param>
/// <param name="Rows">The number of rows of the source.</param>
internal sealed record VerifyHandOver(Guid Move, string Source, string Target, string Slots, bool Compared, long Rows);

/// <param name="With">The file of an earlier run, or another database.</param>
/// <param name="Slots">The number of slots that have rows on either side.</param>
internal sealed record VerifyComparison(string With, int Slots, int Differing);
