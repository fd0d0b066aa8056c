using LoadTests.Chaos.Cluster;
using LoadTests.Chaos.Faults;
using ShardCore.Moves;
using ShardCore.Ring;

namespace LoadTests.Chaos.Failover;

/// <summary>
/// What is done to shards of two hosts, in which order and with which pauses: a function of the seed. One fault at a time, and one move.
/// </summary>
internal static class FailoverSchedule
{
    public static readonly IReadOnlyList<string> Lanes = ["moves", "hosts"];

    private static readonly MoveStep[] Steps = Enum.GetValues<MoveStep>();

    /// <param name="canCut">Whether hosts can be cut off on this machine.</param>
    /// <returns>Endless: each step and the pause before it.</returns>
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

    /// <summary>Every kind once, in some order, then every kind once more in another, and the shards likewise: few minutes see all.</summary>
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

    /// <summary>Most are left alone: what ends them early is the shards' doing.</summary>
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
