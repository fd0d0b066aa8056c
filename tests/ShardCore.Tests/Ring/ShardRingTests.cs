using FsCheck.Fluent;
using ShardCore.Ring;

namespace ShardCore.Tests.Ring;

public sealed class ShardRingTests
{
    private static readonly Shard S1 = RingGenerators.ShardNumber(1);
    private static readonly Shard S2 = RingGenerators.ShardNumber(2);

    [Fact]
    public void Every_slot_has_the_owner_it_was_given()
    {
        var owners = Enumerable.Range(0, Slot.Count).Select(slot => slot % 3 == 0 ? S1.Id : S2.Id).ToArray();

        var ring = Create([S2, S1], owners);

        Assert.Equal([S1, S2], ring.Shards);
        Assert.Equal(owners, ring.Owners);
        Assert.All(Slot.All, slot => Assert.Equal(owners[slot.Value], ring.OwnerOf(slot).Id));
        Assert.Equal(Slot.All.Where(slot => slot.Value % 3 == 0), ring.SlotsOf(S1.Id));
    }

    [Fact]
    public void A_shard_may_own_nothing()
    {
        var ring = Create([S1, S2], AllOf(S1));

        Assert.Empty(ring.SlotsOf(S2.Id));
        Assert.Equal(S2, ring.Find(S2.Id));
        Assert.Equal(new SlotRun(new Slot(0), new Slot(16_383), S1.Id), Assert.Single(ring.Runs()));
    }

    [Fact]
    public void A_new_cluster_has_a_ring_without_shards_that_routes_nothing()
    {
        var ring = Create([], []);

        Assert.True(ring.IsEmpty);
        Assert.Empty(ring.Runs());
        Assert.Empty(ring.Owners);
        Assert.Empty(ring.SlotsOf(S1.Id));
        Assert.Null(ring.Find(S1.Id));
        Assert.Throws<InvalidOperationException>(() => ring.OwnerOf(new Slot(0)));
    }

    [Fact]
    public void Broken_invariants_are_refused_by_name()
    {
        AssertRefused("Shard s1 is listed twice", [S1, S2, S1 with { Weight = 2 }], AllOf(S1));
        AssertRefused("there is no shard", [], AllOf(S1));
        AssertRefused("0 slots have an owner; a ring has 16384", [S1], []);
        AssertRefused("16383 slots have an owner", [S1], AllOf(S1)[1..]);
        AssertRefused("16385 slots have an owner", [S1], [.. AllOf(S1), S1.Id]);
        AssertRefused("Slot 7 is owned by 's2'", [S1], [.. AllOf(S1)[..7], S2.Id, .. AllOf(S1)[8..]]);
    }

    [Fact]
    public void Runs_are_the_fewest_and_rebuild_the_owners() => Property.HoldsFor(RingGenerators.Rings, 200, ring =>
    {
        SlotRun[] runs = [.. ring.Runs()];

        Assert.True(ring.Owners.SequenceEqual(runs.SelectMany(run => Enumerable.Repeat(run.Owner, run.Length))));
        Assert.All(runs.Zip(runs.Skip(1)), pair => Assert.NotEqual(pair.First.Owner, pair.Second.Owner));
        Assert.All(runs.Zip(runs.Skip(1)), pair => Assert.Equal(pair.First.Last.Value + 1, pair.Second.First.Value));
    });

    [Fact]
    public void The_next_ring_has_the_next_epoch_and_leaves_this_one_as_it_was()
    {
        var ring = Create([S1], AllOf(S1));

        var next = ring.Next([S1, S2], AllOf(S2));

        Assert.Equal((1, 2), (ring.Epoch.Value, next.Epoch.Value));
        Assert.Equal(ring.Cluster, next.Cluster);
        Assert.Equal(S1, ring.OwnerOf(new Slot(0)));
        Assert.Equal(S2, next.OwnerOf(new Slot(0)));
    }

    [Fact]
    public void Changing_the_list_it_was_made_from_does_not_change_the_ring()
    {
        var owners = AllOf(S1);
        var ring = Create([S1, S2], owners);

        owners[0] = S2.Id;

        Assert.Equal(S1, ring.OwnerOf(new Slot(0)));
    }

    private static ShardRing Create(IEnumerable<Shard> shards, ShardId[] owners) => ShardRing.Create(RingGenerators.Cluster, Epoch.First, shards, owners);

    private static void AssertRefused(string why, IEnumerable<Shard> shards, ShardId[] owners) =>
        Assert.Contains(why, Assert.Throws<ArgumentException>(() => Create(shards, owners)).Message, StringComparison.Ordinal);

    private static ShardId[] AllOf(Shard shard) => [.. Enumerable.Repeat(shard.Id, Slot.Count)];
}
