using ShardCore.Ring;
using ShardRouter.Outcomes;
using ShardRouter.Routing;

namespace ShardRouter.Tests.Rings;

public sealed class SlotRouteTests
{
    private static readonly Slot Moving = new(7);
    private static readonly Shard[] Shards = [.. new[] { "s1", "s2", "s3" }.Select(id => new Shard(new ShardId(id), "127.0.0.1", 5432, id))];
    private static readonly ClusterId Cluster = new("test", Guid.NewGuid());
    private static readonly ShardRing First = Ring(Epoch.First, "s1");

    private SlotRoute _route = new(Moving);

    [Fact]
    public void It_begins_at_the_owner_by_the_ring_and_follows_a_release() =>
        Assert.Equal("s2", AskedAfter(First, follows: true, new FenceRefusal("released", "s2", 2)));

    [Fact]
    public void Whom_the_slot_was_released_to_is_asked_again_until_it_owns_it()
    {
        Assert.Equal("s2", AskedAfter(First, follows: true, new FenceRefusal("released", "s2", 2)));
        for (var i = 0; i < 3; i++)
            Assert.Equal("s2", AskedAfter(First, follows: false, new FenceRefusal("importing", "s1", 1)));
    }

    /// <summary>The release was an old one: the slot went on to s3 since, and is on its way from there back to s2.</summary>
    [Fact]
    public void Another_ring_is_believed_more_than_the_release_of_before()
    {
        Assert.Equal("s2", AskedAfter(First, follows: true, new FenceRefusal("released", "s2", 2)));
        Assert.Equal("s2", AskedAfter(First, follows: false, new FenceRefusal("importing", "s3", 1)));

        Assert.Equal("s3", AskedAfter(Ring(Epoch.First.Next(), "s3"), follows: false, new FenceRefusal("importing", "s3", 1)));
    }

    [Fact]
    public void Two_shards_that_point_at_each_other_are_not_followed_in_a_circle()
    {
        Assert.Equal("s2", AskedAfter(First, follows: true, new FenceRefusal("released", "s2", 2)));
        Assert.Equal("s1", AskedAfter(First, follows: false, new FenceRefusal("released", "s1", 2)));
    }

    private string AskedAfter(ShardRing ring, bool follows, FenceRefusal refusal)
    {
        _route.Refusal = refusal;
        Assert.Equal(follows, _route.TryFollow(ring));
        return _route.TargetIn(ring).Id.Value;
    }

    private static ShardRing Ring(Epoch epoch, string owner) =>
        ShardRing.Create(Cluster, epoch, Shards, [.. Enumerable.Repeat(new ShardId(owner), Slot.Count)]);
}
