using System.Globalization;
using Chaos.Faults;

namespace Chaos.Failover;

/// <summary>A fault of a shard's primary. When the step ends, the shard has a primary and a standby again.</summary>
/// <param name="Absence">The time from the fault to its end, if it has an end.</param>
internal sealed record HostFault(string Shard, HostFaultKind Kind, TimeSpan Absence) : IChaosStep
{
    public string Description => Kind is HostFaultKind.KillPostgres or HostFaultKind.Switchover
        ? $"{Kind} of {Shard}'s primary"
        : string.Create(CultureInfo.InvariantCulture, $"{Kind} of {Shard}'s primary for {Absence.TotalSeconds:0.0} s");

    public Task RunAsync(ChaosStage stage, CancellationToken cancellation) => stage.Failover!.StrikeAsync(this, stage, cancellation);
}
