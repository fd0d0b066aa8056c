using Chaos.Cluster;
using Chaos.Faults;
using ShardCore.Moves.Batches;
using ShardCore.Ring;

namespace Chaos.Failover;

/// <summary>
/// The faults and moves of a run with shards of two hosts, with their order and pauses: a function of the seed. At any time there is at
/// most one fault and one move.
/// </summary>
internal static class FailoverSchedule
{
    public static readonly IReadOnlyList<string> Lanes = ["moves", "hosts"];

    private static readonly MoveStep[] Steps = Enum.GetValues<MoveStep>();

    /// <param name="canCut">Whether this machine can cut hosts off.</param>
    /// <returns>An endless sequence of steps, each with the pause before it.</returns>
    public static IEnumerable<(TimeSpan Pause, IChaosStep Step)> Of(int seed, string lane, bool canCut)
    {
        var random = new Random(unchecked((seed * 31) + lane.Sum(letter => letter * 7919)));
        return lane == "moves" ? Moves(random) : Faults(random, canCut);
    }

    private static IEnumerable<(TimeSpan Pause, IChaosStep Step)> Moves(Random random)
    {
        while (true)
            yield return (Seconds(random, 0, 1.5), new ResumedMove(Move(random)));
    }

    /// <summary>
    /// Every kind of fault comes once in some order, then once more in another order, and so on; the same for the shards. A run of a few
    /// minutes sees all.
    /// </summary>
    private static IEnumerable<(TimeSpan Pause, IChaosStep Step)> Faults(Random random, bool canCut)
    {
        HostFaultKind[] kinds = [.. Enum.GetValues<HostFaultKind>().Where(kind => canCut || !IsCut(kind))];
        string[] shards = [.. ChaosCluster.FirstShards];
        for (var number = 0; ; number++)
        {
            if (number % kinds.Length == 0)
                random.Shuffle(kinds);
            if (number % shards.Length == 0)
                random.Shuffle(shards);
            yield return (Seconds(random, 5, 10), new HostFault(
                shards[number % shards.Length], kinds[number % kinds.Length], Seconds(random, 3, 16)));
        }
    }

    private static bool IsCut(HostFaultKind kind) =>
        kind is HostFaultKind.CutOff or HostFaultKind.CutFromEtcd or HostFaultKind.CutFromStandby or HostFaultKind.CutFromBoth;

    /// <summary>Most moves get no fate of their own: the shards' faults interrupt them.</summary>
    private static MoveSlots Move(Random random)
    {
        var (after, sleep, step) = (Seconds(random, 0, 3), Seconds(random, 2.5, 6), Steps[random.Next(Steps.Length)]);
        var fate = random.Next(100) switch
        {
            < 6 => new MoverFate(MoverFate.Kill, after, sleep, null),
            < 12 => new MoverFate(MoverFate.TakenOver, after, sleep, null),
            < 20 => new MoverFate(MoverFate.AtFailpoint, after, sleep, $"move-{step.ToString().ToLowerInvariant()}:kill"),
            _ => new MoverFate(MoverFate.Nothing, after, sleep, null),
        };
        var many = random.Next(5) == 0 ? 300 : 12;
        return new MoveSlots(
            [.. Enumerable.Range(0, random.Next(1, 16)).Select(_ => random.NextDouble())],
            [.. Enumerable.Range(0, random.Next(many)).Select(_ => random.Next(Slot.Count))],
            [ChaosCluster.FirstShards[random.Next(ChaosCluster.FirstShards.Count)]], random.Next(1, 4), fate);
    }

    private static TimeSpan Seconds(Random random, double least, double most) => TimeSpan.FromSeconds(least + (random.NextDouble() * (most - least)));
}
