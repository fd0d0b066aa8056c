using System.Globalization;

namespace Chaos.Faults;

/// <summary>Changes a weight by a little, and rebalances the slots.</summary>
internal sealed record Rebalance(string Shard, int Weight, MoverFate Fate) : MoverStep(Fate)
{
    public override string Description => string.Create(CultureInfo.InvariantCulture, $"rebalance with weight {Weight} of {Shard}{Fate}");

    public override async Task RunAsync(ChaosStage stage, CancellationToken cancellation)
    {
        // With weights of 100, a change by one is a small part of the ring: a few batches.
        var weight = string.Create(CultureInfo.InvariantCulture, $"{Shard}={Weight}");
        if ((await MoveAsync(stage, cancellation, "rebalance", "--weight", weight, "--threshold", "0%", "--parallel", "2", "--yes")).IsDone)
            stage.Log.Count("rebalances done");
    }
}
