namespace LoadTests.Chaos.Failover;

/// <summary>One write of a probe, to an item that nothing else writes.</summary>
/// <param name="At">Microseconds of the recorder's clock: it was sent.</param>
/// <param name="Until">The answer was there.</param>
/// <param name="Status">0: there was none.</param>
internal readonly record struct ProbeWrite(string Id, long At, long Until, int Status)
{
    public bool IsAcknowledged => Status is 200 or 201;
}
