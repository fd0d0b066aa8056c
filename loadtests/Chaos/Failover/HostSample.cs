namespace Chaos.Failover;

/// <summary>One answer of a host about itself.</summary>
/// <param name="At">When it was asked, in microseconds of the recorder's clock; it answered later.</param>
/// <param name="Timeline">The timeline of a primary; otherwise 0.</param>
/// <param name="Position">
/// The flushed WAL position of a primary. All writes that were acknowledged before <paramref name="At"/> are at or before it.
/// </param>
internal sealed record HostSample(long At, string Host, bool IsPrimary, int Timeline, long Position);
