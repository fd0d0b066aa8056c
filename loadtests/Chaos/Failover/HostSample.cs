namespace LoadTests.Chaos.Failover;

/// <summary>What a host said of itself.</summary>
/// <param name="At">Microseconds of the recorder's clock; it was asked then, and answered later.</param>
/// <param name="Timeline">Of a primary, else 0.</param>
/// <param name="Position">Of a primary: how far its log was on its disk, so at least all that was acknowledged before <paramref name="At"/>.</param>
internal sealed record HostSample(long At, string Host, bool IsPrimary, int Timeline, long Position);
