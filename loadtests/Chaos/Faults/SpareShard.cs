using System.Globalization;
using Chaos.Cluster;

namespace Chaos.Faults;

/// <summary>The spare shard joins and takes a share, or is emptied and leaves.</summary>
/// <param name="Weight">Its weight; each other shard has 100.</param>
internal sealed record SpareShard(bool Joins, int Weight, MoverFate Fate) : MoverStep(Fate)
{
    public override string Description => Joins
        ? string.Create(CultureInfo.InvariantCulture, $"add-shard {ChaosCluster.Spare} with weight {Weight}{Fate}")
        : $"remove-shard {ChaosCluster.Spare}{Fate}";

    public override async Task RunAsync(ChaosStage stage, CancellationToken cancellation)
    {
        var address = stage.Cluster.Shard(ChaosCluster.Spare);
        string[] arguments = Joins
            ? ["add-shard", ChaosCluster.Spare, "--host", address.Host, "--port", address.Port.ToString(CultureInfo.InvariantCulture), "--database", address.Database,
                "--weight", Weight.ToString(CultureInfo.InvariantCulture), "--yes"]
            : ["remove-shard", ChaosCluster.Spare, "--yes"];
        if ((await MoveAsync(stage, cancellation, arguments)).IsDone)
            stage.Log.Count(Joins ? "add-shard done" : "remove-shard done");
    }
}
