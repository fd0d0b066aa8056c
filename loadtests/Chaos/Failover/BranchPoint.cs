namespace Chaos.Failover;

/// <summary>
/// The point at which a takeover left the old primary's WAL: <paramref name="Position"/> is the last position that the new primary has.
/// </summary>
/// <param name="Timeline">The timeline of the old primary.</param>
/// <param name="Keeps">
/// A time in microseconds of the recorder's clock. Writes that were acknowledged before it are at or before the position, so they must
/// exist.
/// </param>
/// <param name="NewPrimary">The time when the new primary was first seen as primary.</param>
internal sealed record BranchPoint(int Timeline, long Position, long Keeps, long NewPrimary)
{
    /// <summary>Routers look for the primary once a second; an answer of the old one may arrive still later.</summary>
    private const long OldAnswers = 3_000_000;

    /// <summary>The time from which no router asks the old primary any more.</summary>
    public long Left => NewPrimary + OldAnswers;

    /// <returns>Null: the shard stayed on its timeline.</returns>
    /// <param name="from">The beginning of the fault.</param>
    public static BranchPoint? Of(IReadOnlyList<HostSample> samples, TimelineHistory history, long from)
    {
        var primaries = samples.Where(sample => sample.IsPrimary).ToArray();
        var old = primaries.Where(sample => sample.At <= from).Select(sample => sample.Timeline).DefaultIfEmpty(0).Max();
        if (!history.Ends.TryGetValue(old, out var position))
            return null;
        // At the time of such a sample the WAL had not passed the position yet, and every acknowledged write was in the WAL.
        var keeps = primaries.Where(sample => sample.Timeline == old && sample.Position <= position).Select(sample => sample.At).DefaultIfEmpty(0).Max();
        var later = primaries.Where(sample => sample.Timeline > old).Select(sample => sample.At).DefaultIfEmpty(long.MaxValue).Min();
        return new BranchPoint(old, position, keeps, later);
    }
}
