namespace Chaos.Failover;

/// <summary>One write of a probe, to an item that nobody else writes.</summary>
/// <param name="At">When it was sent, in microseconds of the recorder's clock.</param>
/// <param name="Until">When the answer had arrived.</param>
/// <param name="Status">The status of the answer; 0: there was none.</param>
internal readonly record struct ProbeWrite(string Id, long At, long Until, int Status)
{
    public bool IsAcknowledged => Status is 200 or 201;
}
