using System.Globalization;
using Chaos.Cluster;
using ShardCore.Ring;

namespace Chaos.Faults;

/// <summary>Moves slots that clients write to, and some others, to a shard, or to several shards one after the other.</summary>
/// <param name="Picks">Positions, 0…1, in the list of keys that clients write.</param>
/// <param name="Others">Additional slots.</param>
/// <param name="Targets">The targets, one after the other; the fate applies to the move to the first.</param>
internal sealed record MoveSlots(IReadOnlyList<double> Picks, IReadOnlyList<int> Others, IReadOnlyList<string> Targets, int Parallel, MoverFate Fate) : MoverStep(Fate)
{
    public override string Description => string.Create(
        CultureInfo.InvariantCulture, $"move {Picks.Count} busy and {Others.Count} other slots to {string.Join(" → ", Targets)}{Fate}");

    public override async Task RunAsync(ChaosStage stage, CancellationToken cancellation)
    {
        var keys = stage.ActiveKeys();
        int[] slots = [.. Picks.Select(pick => (int)SlotHash.Of(keys[(int)(pick * keys.Count)]).Value).Concat(Others).Distinct()
            .Where(slot => stage.Failover?.PinnedSlots.Contains(slot) != true).Order()];
        if (slots.Length == 0)
            return;
        var list = string.Join(',', slots);
        var parallel = Parallel.ToString(CultureInfo.InvariantCulture);
        foreach (var target in Targets)
        {
            var result = await MoveAsync(stage, cancellation, "move", list, "--to", target, "--parallel", parallel, "--yes");
            if (result.IsDone)
                stage.Log.Count("moves done");
            else
                return;
        }
        if (Targets.Count > 1)
            stage.Log.Count("circles done");
    }
}
