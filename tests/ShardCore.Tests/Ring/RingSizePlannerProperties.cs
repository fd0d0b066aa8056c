using System.Diagnostics;
using FsCheck;
using FsCheck.Fluent;
using ShardCore.Ring;

namespace ShardCore.Tests.Ring;

public sealed class RingSizePlannerProperties
{
    private static readonly Gen<double> Thresholds = Gen.Elements(0.0, 0.01, 0.05, 0.2);

    [Theory]
    [InlineData(25)]
    [InlineData(100, Traits = ["Category", "Long"])]
    public void From_any_ring_with_any_sizes_the_plan_is_sound_and_its_bytes_are_near_the_fewest(int tests) => Property.HoldsFor(
        from ring in RingGenerators.Rings.Where(ring => !ring.IsEmpty)
        from weights in RingGenerators.Weights.ArrayOf(9)
        from seed in Gen.Choose(0, int.MaxValue)
        from large in Gen.Choose(0, 20)
        from threshold in Thresholds
        select (ring, weights, seed, large, threshold),
        tests,
        input =>
        {
            Shard[] shards = [.. input.ring.Shards.Select((shard, i) => shard with { Weight = input.weights[i] }), RingGenerators.ShardNumber(100, input.weights[8])];
            AssertSound(input.ring.Owners, shards, Sizes(input.seed, input.large), input.threshold);
        });

    [Theory]
    [InlineData(25)]
    [InlineData(100, Traits = ["Category", "Long"])]
    public void With_slots_of_one_size_the_bytes_are_exactly_the_fewest_and_everybody_is_within(int tests) => Property.HoldsFor(
        from count in Gen.Choose(2, 8)
        from picks in Gen.ArrayOf(Gen.Choose(0, 7), Slot.Count / 64)
        from weights in Gen.ArrayOf(Gen.Choose(1, 3), 8)
        from bytes in Gen.Choose(1, 100_000)
        from threshold in Gen.Elements(0.02, 0.05, 0.3)
        select (count, picks, weights, bytes, threshold),
        tests,
        input =>
        {
            Shard[] shards = [.. Enumerable.Range(0, input.count).Select(i => RingGenerators.ShardNumber(i + 1, input.weights[i]))];
            ShardId[] owners = [.. Enumerable.Range(0, Slot.Count).Select(slot => shards[input.picks[slot / 64] % input.count].Id)];
            long[] sizes = [.. Enumerable.Repeat((long)input.bytes, Slot.Count)];

            var plan = RingSizePlanner.Plan(owners, shards, sizes, input.threshold);

            var held = owners.CountBy(owner => owner).ToDictionary(each => each.Key, each => each.Value);
            var (above, below) = (0L, 0L);
            foreach (var shard in shards)
            {
                var share = (double)Slot.Count * shard.Weight / shards.Sum(each => each.Weight);
                var (most, least) = ((long)Math.Floor(share * (1 + input.threshold)), (long)Math.Ceiling(share * (1 - input.threshold)));
                above += Math.Max(0, held.GetValueOrDefault(shard.Id) - most);
                below += Math.Max(0, least - held.GetValueOrDefault(shard.Id));
                Assert.InRange(plan.Owners.Count(owner => owner == shard.Id), least, most);
            }
            Assert.Equal(Math.Max(above, below), plan.Moves.Length);
        });

    [Fact]
    public void A_slot_larger_than_a_share_stays_where_it_is_and_the_small_ones_go()
    {
        Shard[] shards = [RingGenerators.ShardNumber(1), RingGenerators.ShardNumber(2)];
        ShardId[] owners = [.. Enumerable.Repeat(shards[0].Id, Slot.Count)];
        var sizes = new long[Slot.Count];
        (sizes[7], sizes[8], sizes[9]) = (1000, 10, 20);

        var plan = RingSizePlanner.Plan(owners, shards, sizes, 0.05);

        Assert.Equal([8, 9], plan.Moves.Select(move => (int)move.Slot.Value));
    }

    [Fact]
    public void A_large_slot_moves_if_that_makes_it_better_though_its_owner_then_has_less_than_its_share()
    {
        Shard[] shards = [RingGenerators.ShardNumber(1), RingGenerators.ShardNumber(2), RingGenerators.ShardNumber(3)];
        ShardId[] owners = [.. Enumerable.Range(0, Slot.Count).Select(slot => shards[slot < 2 ? 0 : slot < 4 ? 1 : 2].Id)];
        var sizes = new long[Slot.Count];
        (sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]) = (40, 40, 40, 40, 20); // a share is 60

        var plan = RingSizePlanner.Plan(owners, shards, sizes, 0);

        Assert.Equal(shards[2].Id, Assert.Single(plan.Moves).To);
    }

    [Fact]
    public void A_large_slot_stays_if_its_owner_would_lack_more_than_it_has_too_much_and_nobody_lacks_as_much()
    {
        Shard[] shards = [RingGenerators.ShardNumber(1, 1), RingGenerators.ShardNumber(2, 10)];
        ShardId[] owners = [.. Enumerable.Range(0, Slot.Count).Select(slot => shards[slot < 1 ? 0 : 1].Id)];
        var sizes = new long[Slot.Count];
        (sizes[0], sizes[1]) = (115, 985); // within are 90 to 110, and 900 to 1,100

        var plan = RingSizePlanner.Plan(owners, shards, sizes, 0.1);

        Assert.Empty(plan.Moves);
    }

    [Fact]
    public void A_draining_shard_gives_everything_also_what_is_empty()
    {
        Shard[] shards = [RingGenerators.ShardNumber(1), RingGenerators.ShardNumber(2) with { State = ShardState.Draining }];
        var owners = RingPlanner.Plan([], [shards[0], RingGenerators.ShardNumber(2)]).Owners;

        var plan = RingSizePlanner.Plan(owners, shards, new long[Slot.Count], 0.05);

        Assert.Equal(owners.Count(owner => owner == shards[1].Id), plan.Moves.Length);
    }

    [Fact]
    public void A_plan_for_a_hundred_shards_takes_about_a_second()
    {
        Shard[] shards = [.. Enumerable.Range(1, 100).Select(number => RingGenerators.ShardNumber(number, number))];
        var owners = RingPlanner.Plan([], [.. shards.Select(shard => shard with { Weight = 1 })]).Owners;
        var sizes = Sizes(5, 10);
        var clock = Stopwatch.StartNew();

        RingSizePlanner.Plan(owners, shards, sizes, 0.01);

        Assert.InRange(clock.ElapsedMilliseconds, 0, 5000);
    }

    [Fact]
    public void Without_an_active_shard_or_with_half_a_ring_there_is_no_plan()
    {
        ShardId[] owners = [.. Enumerable.Repeat(new ShardId("s1"), Slot.Count)];
        Assert.Throws<ArgumentException>(() => RingSizePlanner.Plan(owners, [], new long[Slot.Count], 0));
        Assert.Throws<ArgumentException>(() => RingSizePlanner.Plan(owners, [RingGenerators.ShardNumber(1)], new long[5], 0));
    }

    private static void AssertSound(IReadOnlyList<ShardId> owners, Shard[] shards, long[] sizes, double threshold)
    {
        var plan = RingSizePlanner.Plan(owners, shards, sizes, threshold);
        var active = shards.Where(shard => shard.State == ShardState.Active).ToArray();
        var (total, weights) = ((double)sizes.Sum(), active.Sum(shard => (double)shard.Weight));
        var moved = owners.ToArray();
        foreach (var move in plan.Moves)
        {
            Assert.True(moved[move.Slot.Value] == move.From && move.From != move.To);
            moved[move.Slot.Value] = move.To;
        }
        Assert.True(plan.Owners.SequenceEqual(moved), "the moves do not lead to the owners");
        Assert.True(RingSizePlanner.Plan(owners, [.. shards.Reverse()], sizes, threshold).Moves.SequenceEqual(plan.Moves), "the same input gave another plan");

        var leaving = owners.Any(owner => active.All(shard => shard.Id != owner));
        var (above, below, outsideAfter, outside, largest) = (0.0, 0.0, 0.0, 0, (double)sizes.Max());
        foreach (var shard in active)
        {
            var share = total * shard.Weight / weights;
            var (most, least) = (share * (1 + threshold), share * (1 - threshold));
            var (before, after) = (Load(owners, sizes, shard.Id), Load(plan.Owners, sizes, shard.Id));
            above += Math.Max(0, before - most);
            below += Math.Max(0, least - before);
            outsideAfter += Math.Max(0, Math.Max(after - most, least - after));
            outside += before > most || before < least ? 1 : 0;
            if (leaving)
                continue; // what leaves has to go somewhere, within or not
            Assert.True(before > most || after <= most + 1, $"{shard.Id}: {before} → {after}, at most {most}");
            Assert.True(before < least || before > most || after >= least - 1, $"{shard.Id}: {before} → {after}, at least {least}");
            Assert.True(before >= least || after >= before, $"{shard.Id} lacks and gives: {before} → {after}, at least {least}");
            Assert.True(before <= most || after <= before, $"{shard.Id} has too much and gets more: {before} → {after}, at most {most}");
            Assert.True(largest > share * threshold || (after <= most + 1 && after >= least - 1), $"{shard.Id} ends outside with small slots: {before} → {after}, {least}…{most}");
        }
        if (leaving)
            return;
        Assert.True(outsideAfter <= above + below + active.Length, $"outside by {above + below} bytes, after it by {outsideAfter}");
        Assert.InRange(plan.Moves.Sum(move => (double)sizes[move.Slot.Value]), 0, Math.Max(above, below) + (outside * largest) + 1);
    }

    private static double Load(IEnumerable<ShardId> owners, long[] sizes, ShardId shard) => owners.Select((owner, slot) => owner == shard ? sizes[slot] : 0).Sum();

    private static long[] Sizes(int seed, int large)
    {
        var random = new Random(seed);
        long[] sizes = [.. Enumerable.Range(0, Slot.Count).Select(_ => random.Next(3) == 0 ? 0L : random.Next(1, 2000))];
        for (var i = 0; i < large; i++)
            sizes[random.Next(Slot.Count)] = random.Next(100_000, 3_000_000);
        return sizes;
    }
}
