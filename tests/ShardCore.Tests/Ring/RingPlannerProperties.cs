using System.Collections.Immutable;
using System.Diagnostics;
using FsCheck;
using FsCheck.Fluent;
using ShardCore.Ring;

namespace ShardCore.Tests.Ring;

/// <summary>The five properties of the planner, on random histories, random rings and named sizes.</summary>
public sealed class RingPlannerProperties
{
    /// <summary>One step of a cluster's life: shards join, leave, drain, or change weight.</summary>
    private enum Step { Join, Leave, Drain, Reweigh }

    private static readonly Gen<(Step Step, int Number, int Weight)[]> Histories =
        (from step in Gen.Frequency((4, Gen.Constant(Step.Join)), (2, Gen.Constant(Step.Leave)), (1, Gen.Constant(Step.Drain)), (2, Gen.Constant(Step.Reweigh)))
         from number in Gen.Choose(1, 10)
         from weight in RingGenerators.Weights
         select (step, number, weight)).ArrayOf(12);

    [Theory]
    [InlineData(15)]
    [InlineData(50, Traits = ["Category", "Long"])]
    public void All_five_hold_through_any_history_of_joins_leaves_and_weights(int tests) => Property.HoldsFor(Histories, tests, history =>
    {
        List<Shard> shards = [RingGenerators.ShardNumber(0)];
        var owners = RingPlanner.Plan([], shards).Owners;
        foreach (var (step, number, weight) in history)
        {
            var before = shards.ToArray();
            Apply(shards, step, number, weight);
            var plan = AssertSoundAndMinimal(owners, shards);
            if (step != Step.Reweigh)
                AssertNoMoveBetweenStayers(plan, before, shards);
            owners = plan.Owners;
        }
    });

    [Fact]
    public void From_any_ring_however_unbalanced_the_plan_is_sound_and_minimal() => Property.HoldsFor(
        from ring in RingGenerators.Rings
        from weights in RingGenerators.Weights.ArrayOf(9)
        from extra in Gen.Choose(0, 1)
        select (ring, weights, extra),
        100,
        input =>
        {
            var known = input.ring.Shards.Select((shard, i) => shard with { Weight = input.weights[i] });
            Shard[] shards = [.. known, RingGenerators.ShardNumber(100, input.weights[8])];
            AssertSoundAndMinimal(input.ring.Owners, shards);
        });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(100)]
    [InlineData(999)]
    [InlineData(1000)]
    public void Equal_shards_differ_by_one_slot_at_most_and_a_joiner_takes_exactly_its_share(int count)
    {
        Shard[] shards = [.. Enumerable.Range(1, count).Select(number => RingGenerators.ShardNumber(number))];
        var ring = RingPlanner.Plan([], shards);
        var sizes = ring.Owners.CountBy(owner => owner).Select(pair => pair.Value).ToArray();
        Assert.Equal(count, sizes.Length);
        Assert.InRange(sizes.Max() - sizes.Min(), 0, 1);

        Shard[] joined = [.. shards, RingGenerators.ShardNumber(count + 1)];
        var join = RingPlanner.Plan(ring.Owners, joined);
        Assert.InRange(join.Moves.Length, Slot.Count / (count + 1), Slot.Count / (count + 1) + 1);
        AssertNoMoveBetweenStayers(join, shards, joined);

        var leave = RingPlanner.Plan(join.Owners, shards);
        Assert.Equal(join.Moves.Length, leave.Moves.Length);
        AssertNoMoveBetweenStayers(leave, joined, shards);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    [InlineData(999)]
    [InlineData(1000)]
    public void Many_shards_of_very_different_weight_stay_within_their_share_as_one_joins_and_leaves(int count)
    {
        var random = new Random(count);
        Shard[] shards = [.. Enumerable.Range(1, count).Select(number => RingGenerators.ShardNumber(number, random.Next(1, Shard.MaxWeight + 1)))];
        var ring = RingPlanner.Plan([], shards);
        AssertSound([], shards, ring);

        Shard[] joined = [.. shards, RingGenerators.ShardNumber(count + 1, Shard.MaxWeight)];
        var join = RingPlanner.Plan(ring.Owners, joined);
        AssertSound(ring.Owners, joined, join);
        AssertNoMoveBetweenStayers(join, shards, joined);

        var leave = RingPlanner.Plan(join.Owners, joined[1..]);
        AssertSound(join.Owners, joined[1..], leave);
        AssertNoMoveBetweenStayers(leave, joined, joined[1..]);
    }

    [Theory]
    [InlineData(new[] { 1, 1 }, new[] { 8192, 8192 })]
    [InlineData(new[] { 3, 1 }, new[] { 12288, 4096 })]
    [InlineData(new[] { 1, 2, 4, 1 }, new[] { 2048, 4096, 8192, 2048 })]
    [InlineData(new[] { 1000, 24 }, new[] { 16000, 384 })]
    public void Shares_that_are_whole_numbers_are_met_exactly(int[] weights, int[] expected)
    {
        Shard[] shards = [.. weights.Select((weight, i) => RingGenerators.ShardNumber(i + 1, weight))];

        var sizes = RingPlanner.Plan([], shards).Owners.CountBy(owner => owner).OrderBy(pair => pair.Key).Select(pair => pair.Value);

        Assert.Equal(expected, sizes);
    }

    [Fact]
    public void A_balanced_ring_needs_no_move_and_a_swap_of_names_is_no_reason_for_one()
    {
        Shard[] shards = [.. Enumerable.Range(1, 7).Select(number => RingGenerators.ShardNumber(number, number))];
        var owners = RingPlanner.Plan([], shards).Owners;

        Assert.Empty(RingPlanner.Plan(owners, shards).Moves);
        Assert.Empty(RingPlanner.Plan(owners, [.. shards.Reverse()]).Moves);
    }

    [Fact]
    public void A_draining_shard_gives_everything_and_gets_nothing()
    {
        Shard[] shards = [RingGenerators.ShardNumber(1), RingGenerators.ShardNumber(2), RingGenerators.ShardNumber(3)];
        var owners = RingPlanner.Plan([], shards).Owners;

        var plan = RingPlanner.Plan(owners, [shards[0], shards[1] with { State = ShardState.Draining }, shards[2]]);

        Assert.Equal(owners.Count(owner => owner == shards[1].Id), plan.Moves.Length);
        Assert.All(plan.Moves, move => Assert.Equal(shards[1].Id, move.From));
        Assert.DoesNotContain(shards[1].Id, plan.Owners);
    }

    [Fact]
    public void Without_an_active_shard_or_with_half_a_ring_there_is_no_plan()
    {
        var draining = RingGenerators.ShardNumber(1) with { State = ShardState.Draining };
        Assert.Throws<ArgumentException>(() => RingPlanner.Plan([], []));
        Assert.Throws<ArgumentException>(() => RingPlanner.Plan([], [draining]));
        Assert.Throws<ArgumentException>(() => RingPlanner.Plan(new ShardId[5], [RingGenerators.ShardNumber(1)]));
    }

    [Fact]
    public void A_plan_for_a_thousand_shards_takes_well_under_a_second()
    {
        Shard[] shards = [.. Enumerable.Range(1, 1000).Select(number => RingGenerators.ShardNumber(number, number))];
        var owners = RingPlanner.Plan([], shards).Owners; // also warms up
        var clock = Stopwatch.StartNew();

        RingPlanner.Plan(owners, shards[1..]);

        Assert.InRange(clock.ElapsedMilliseconds, 0, 1000); // about 10 ms on an idle machine
    }

    private static void Apply(List<Shard> shards, Step step, int number, int weight)
    {
        var at = shards.FindIndex(shard => shard.Id == RingGenerators.ShardNumber(number).Id);
        if (step == Step.Join && at < 0)
            shards.Add(RingGenerators.ShardNumber(number, weight));
        else if (step == Step.Leave && at >= 0)
            shards.RemoveAt(at);
        else if (step == Step.Drain && at >= 0)
            shards[at] = shards[at] with { State = ShardState.Draining };
        else if (step == Step.Reweigh && at >= 0)
            shards[at] = shards[at] with { Weight = weight };
    }

    private static RingPlan AssertSoundAndMinimal(ImmutableArray<ShardId> owners, IReadOnlyList<Shard> shards)
    {
        var plan = RingPlanner.Plan(owners, [.. shards]);
        AssertSound(owners, shards, plan);
        Shard[] active = [.. shards.Where(shard => shard.State == ShardState.Active)];
        Assert.Equal(QuotaOracle.FewestMoves(owners, active), plan.Moves.Length);
        return plan;
    }

    /// <summary>One owner a slot; no share exceeded by a slot; the moves lead from the old owners to the new; deterministic.</summary>
    private static void AssertSound(ImmutableArray<ShardId> owners, IReadOnlyList<Shard> shards, RingPlan plan)
    {
        Shard[] active = [.. shards.Where(shard => shard.State == ShardState.Active)];
        var counts = plan.Owners.CountBy(owner => owner).ToDictionary(pair => pair.Key, pair => pair.Value);
        var quota = active.ToDictionary(shard => shard.Id, shard => counts.GetValueOrDefault(shard.Id));
        Assert.True(QuotaOracle.IsAdams(quota, active)); // 16,384 in sum, so nobody else owns a slot
        long weights = active.Sum(shard => shard.Weight);
        Assert.All(active, shard => Assert.True((long)quota[shard.Id] * weights < (long)Slot.Count * shard.Weight + weights, $"{shard.Id} is a slot above its share"));

        ShardId?[] moved = owners.IsEmpty ? new ShardId?[Slot.Count] : [.. owners.Select(owner => (ShardId?)owner)];
        var last = -1;
        foreach (var move in plan.Moves) // Assert.Equal on each of thousands would take most of the time
        {
            Assert.True(moved[move.Slot.Value] == move.From && move.From != move.To && move.Slot.Value > last, $"{move} after slot {last}");
            moved[move.Slot.Value] = move.To;
            last = move.Slot.Value;
        }
        Assert.True(plan.Owners.Select(owner => (ShardId?)owner).SequenceEqual(moved), "the moves do not lead to the owners");

        var again = RingPlanner.Plan(owners, [.. shards.Reverse()]);
        Assert.True(plan.Moves.SequenceEqual(again.Moves) && plan.Owners.SequenceEqual(again.Owners), "the same input gave another plan");
    }

    private static void AssertNoMoveBetweenStayers(RingPlan plan, IEnumerable<Shard> before, IEnumerable<Shard> after)
    {
        var stayers = before.Where(IsActive).Select(shard => shard.Id).Intersect(after.Where(IsActive).Select(shard => shard.Id)).ToHashSet();
        Assert.DoesNotContain(plan.Moves, move => move.From is { } from && stayers.Contains(from) && stayers.Contains(move.To));
    }

    private static bool IsActive(Shard shard) => shard.State == ShardState.Active;
}
