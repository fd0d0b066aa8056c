using System.Globalization;
using LoadTests.Chaos.Cluster;
using ShardCore.Ring;

namespace LoadTests.Chaos.Faults;

/// <summary>Slots that clients write to, and some others, go to a shard, or once around several.</summary>
/// <param name="Picks">Places, 0…1, among the keys that are written.</param>
/// <param name="Others">Further slots.</param>
/// <param name="Targets">One after the other; the fate strikes the first.</param>
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
