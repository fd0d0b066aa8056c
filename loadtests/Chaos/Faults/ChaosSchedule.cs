using Chaos.Cluster;
using ShardCore.Moves.Batches;
using ShardCore.Ring;

namespace Chaos.Faults;

/// <summary>
/// The steps of a run with their order and pauses: a function of the seed and of the shards' standbys. Lanes run side by side; the steps of
/// a lane run one after the other. The schedule does not determine how long a step takes. Therefore two runs with the same seed do the same
/// things, but not at the same instants.
/// </summary>
internal static class ChaosSchedule
{
    private static readonly MoveStep[] Steps = Enum.GetValues<MoveStep>();

    public static readonly IReadOnlyList<string> Lanes = ["moves-1", "moves-2", "servers", "routers"];

    /// <returns>An endless sequence of steps, each with the pause before it.</returns>
    public static IEnumerable<(TimeSpan Pause, IChaosStep Step)> Of(int seed, string lane, StandbyPlan standbys)
    {
        var random = new Random(unchecked((seed * 31) + lane.Sum(letter => letter * 7919)));
        while (true)
            yield return lane switch
            {
                "moves-1" or "moves-2" => (Seconds(random, 0, 2), Mover(random)),
                "servers" => (Seconds(random, 6, 24), Server(random, standbys)), // long enough that some moves are completed between two faults
                _ => (Seconds(random, 4, 16), RouterOrProxy(random)),
            };
    }

    private static IChaosStep Mover(Random random) => random.Next(100) switch
    {
        < 42 => Move(random, 1),
        < 50 => Move(random, 4),
        < 56 => new Rebalance(ChaosCluster.FirstShards[random.Next(3)], random.Next(97, 104), Fate(random)),
        < 63 => new SpareShard(Joins: true, Weight: random.Next(2, 8), Fate(random)),
        < 70 => new SpareShard(Joins: false, Weight: 0, Fate(random)),
        < 76 => new OperationStep(Cancels: true, TakesOver: false),
        _ => new OperationStep(Cancels: false, TakesOver: random.Next(4) == 0),
    };

    private static MoveSlots Move(Random random, int targets)
    {
        // Four targets lead back to the first one: A → B → C → A.
        var first = random.Next(10) == 0 ? 3 : random.Next(3); // often the spare shard is not in the ring
        string[] way = [.. Enumerable.Range(0, targets).Select(place => targets == 1 ? ChaosCluster.Shards[first] : ChaosCluster.FirstShards[(first + place) % 3])];
        var many = random.Next(5) == 0 ? 300 : 12;
        return new MoveSlots(
            [.. Enumerable.Range(0, random.Next(1, 16)).Select(_ => random.NextDouble())], [.. Enumerable.Range(0, random.Next(many)).Select(_ => random.Next(Slot.Count))],
            way, random.Next(1, 4), Fate(random));
    }

    private static MoverFate Fate(Random random)
    {
        var (roll, after, sleep, step) = (random.Next(100), Seconds(random, 0, 3), Seconds(random, 2.5, 6), Steps[random.Next(Steps.Length)]);
        return roll switch
        {
            < 15 => new MoverFate(MoverFate.Kill, after, sleep, null),
            < 22 => new MoverFate(MoverFate.Sleeps, after, sleep, null),
            < 34 => new MoverFate(MoverFate.TakenOver, after, sleep, null),
            < 48 => new MoverFate(MoverFate.AtFailpoint, after, sleep, $"move-{step.ToString().ToLowerInvariant()}:kill"),
            _ => new MoverFate(MoverFate.Nothing, after, sleep, null),
        };
    }

    private static IChaosStep Server(Random random, StandbyPlan standbys)
    {
        if (standbys.Shards.Count > 0 && random.Next(4) == 0)
        {
            var (taken, isSynchronous) = standbys.Shards.ElementAt(random.Next(standbys.Shards.Count));
            return new Takeover(taken, isSynchronous, Seconds(random, 0, 3));
        }
        var (roll, shard, absence, unnoticed) = (random.Next(100), ChaosCluster.Shards[random.Next(ChaosCluster.Shards.Count)], Seconds(random, 0, 4), Seconds(random, 0, 3));
        return roll switch
        {
            < 40 => new PartFault(shard, Kills: true, absence),
            < 66 => new PartFault(shard, Kills: false, absence),
            < 77 => new PartFault("redis", Kills: true, absence),
            < 87 => new PartFault("redis", Kills: false, absence),
            < 93 => new RedisLoss(Kills: true, absence, unnoticed),
            _ => new RedisLoss(Kills: false, absence, unnoticed),
        };
    }

    private static PartFault RouterOrProxy(Random random)
    {
        var (roll, router, absence) = (random.Next(100), $"r{random.Next(ChaosCluster.Routers) + 1}", Seconds(random, 0, 8));
        return roll switch
        {
            < 35 => new PartFault(router, Kills: true, absence / 2),
            < 80 => new PartFault(router, Kills: false, absence), // some of these routers sleep during a whole move
            < 90 => new PartFault("proxy", Kills: true, absence / 4),
            _ => new PartFault("proxy", Kills: false, absence / 4),
        };
    }

    private static TimeSpan Seconds(Random random, double least, double most) => TimeSpan.FromSeconds(least + (random.NextDouble() * (most - least)));
}
