namespace LoadTests.Chaos.Failover;

/// <summary>A takeover left the old primary's log here: <paramref name="Position"/> is the last that the new primary has of it.</summary>
/// <param name="Timeline">The old primary's.</param>
/// <param name="Keeps">
/// Microseconds of the recorder's clock. What was acknowledged before is at or before the position, so it must be there.
/// </param>
/// <param name="NewPrimary">When the new primary was first seen to be one.</param>
internal sealed record BranchPoint(int Timeline, long Position, long Keeps, long NewPrimary)
{
    /// <summary>Routers look for the primary each second; an answer of the old one may be under way for longer.</summary>
    private const long OldAnswers = 3_000_000;

    /// <summary>No router asks the old primary any more.</summary>
    public long Left => NewPrimary + OldAnswers;

    /// <returns>Null: the shard stayed on its timeline.</returns>
    /// <param name="from">The beginning of the fault.</param>
    public static BranchPoint? Of(IReadOnlyList<HostSample> samples, TimelineHistory history, long from)
    {
        var primaries = samples.Where(sample => sample.IsPrimary).ToArray();
        var old = primaries.Where(sample => sample.At <= from).Select(sample => sample.Timeline).DefaultIfEmpty(0).Max();
        if (!history.Ends.TryGetValue(old, out var position))
            return null;
        // The log was not behind the position yet when it was asked, and acknowledged is only what the log has.
        var keeps = primaries.Where(sample => sample.Timeline == old && sample.Position <= position).Select(sample => sample.At).DefaultIfEmpty(0).Max();
        var later = primaries.Where(sample => sample.Timeline > old).Select(sample => sample.At).DefaultIfEmpty(long.MaxValue).Min();
        return new BranchPoint(old, position, keeps, later);
    }
}
