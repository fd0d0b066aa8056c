namespace Chaos.Failover;

/// <summary>The record of a fault.</summary>
/// <param name="Host">The host that was the primary.</param>
/// <param name="At">The time before the fault, in microseconds of the recorder's clock.</param>
/// <param name="Until">The time when the shard had a primary and a standby again, or when the trial gave up.</param>
/// <param name="Branch">Null: nobody took over.</param>
internal sealed record FaultRecord(HostFault Fault, string Host, long At, long Until, BranchPoint? Branch)
{
    public string Shard => Fault.Shard;
}
