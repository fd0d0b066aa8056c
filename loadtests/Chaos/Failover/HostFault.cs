using System.Globalization;
using LoadTests.Chaos.Faults;

namespace LoadTests.Chaos.Failover;

/// <summary>Something happens to a shard's primary, and the shard is whole again when this ends.</summary>
/// <param name="Absence">From the fault to its end, if it has one.</param>
internal sealed record HostFault(string Shard, HostFaultKind Kind, TimeSpan Absence) : IChaosStep
{
    public string Description => Kind is HostFaultKind.KillPostgres or HostFaultKind.Switchover
        ? $"{Kind} of {Shard}'s primary"
        : string.Create(CultureInfo.InvariantCulture, $"{Kind} of {Shard}'s primary for {Absence.TotalSeconds:0.0} s");

    public Task RunAsync(ChaosStage stage, CancellationToken cancellation) => stage.Failover!.StrikeAsync(this, stage, cancellation);
}
