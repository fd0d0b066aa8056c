namespace LoadTests.Chaos.Failover;

/// <summary>A fault as it went.</summary>
/// <param name="Host">Which was the primary.</param>
/// <param name="At">Microseconds of the recorder's clock, before the fault.</param>
/// <param name="Until">The shard was whole again, or was given up.</param>
/// <param name="Branch">Null: nobody took over.</param>
internal sealed record FaultRecord(HostFault Fault, string Host, long At, long Until, BranchPoint? Branch)
{
    public string Shard => Fault.Shard;
}
