using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Tests.Shards;

/// <summary>
/// Who stands in the next ring, whatever two shards say of a slot: all combinations, held against the rule of <see cref="Expected"/>. A
/// shard that lost its last commits
/// says that it owns what it gave away, so one owner that answers is no proof.
/// </summary>
public sealed class BelievedOwnerTests
{
    private const int RingEpoch = 5;

    private static readonly Slot Asked = new(7);
    private static readonly ShardId One = new("s1");
    private static readonly ShardId Other = new("s2");
    private static readonly ClusterId Cluster = new("test", Guid.Empty);

    /// <summary>What a shard says of the slot.</summary>
    /// <param name="Word">Unreachable, nothing, owned or released.</param>
    /// <param name="Epoch">Below, equal to or above the ring's.</param>
    private sealed record Saying(string Word, int Epoch)
    {
        public bool IsOwner => Word == "owned";

        public override string ToString() => Word is "owned" or "released" ? $"{Word} at {Epoch}" : Word;
    }

    private static readonly Saying[] Sayings =
    [
        new("unreachable", 0), new("nothing", 0),
        new("owned", RingEpoch - 1), new("owned", RingEpoch), new("owned", RingEpoch + 1),
        new("released", RingEpoch - 1), new("released", RingEpoch), new("released", RingEpoch + 1),
    ];

    [Fact]
    public void The_owner_of_the_next_ring_is_the_rings_unless_another_has_proof()
    {
        var wrong = new List<string>();
        foreach (var named in (ShardId[])[One, Other])
            foreach (var one in Sayings)
                foreach (var other in Sayings)
                {
                    var expected = named == One ? Expected(one, other) ? One : Other : Expected(other, one) ? Other : One;
                    var believed = MapOf(one, other).BelievedOwner(Asked, RingOf(named));
                    if (believed != expected)
                        wrong.Add($"ring at {RingEpoch} names {named}, s1 {one}, s2 {other}: {believed}, not {expected}");
                }
        Assert.True(wrong.Count == 0, $"{wrong.Count} wrong:{Environment.NewLine}{string.Join(Environment.NewLine, wrong)}");
    }

    /// <summary>The rule, in the words of the trust that is given to shards.</summary>
    /// <param name="named">By the shard that the ring names.</param>
    /// <returns>Whether the ring's owner stays.</returns>
    private static bool Expected(Saying named, Saying other)
    {
        if (!other.IsOwner)
            return true; // nobody else wants it
        if (named.IsOwner)
            return other.Epoch <= named.Epoch; // of two the later one is right, and of two equal ones the one that routers know
        if (other.Epoch > RingEpoch)
            return false; // it came to own after that ring was made
        return !(named.Word == "released" && named.Epoch <= other.Epoch); // the ring's owner itself says that it gave the slot away, and not later than the other got it
    }

    private static OwnershipMap MapOf(Saying one, Saying other)
    {
        var byShard = new Dictionary<ShardId, IReadOnlyList<OwnershipRun>>();
        foreach (var (shard, saying, peer) in ((ShardId, Saying, ShardId)[])[(One, one, Other), (Other, other, One)])
            if (saying.Word != "unreachable")
                byShard[shard] = RunsOf(saying, peer);
        return OwnershipMap.Of(byShard);
    }

    private static IReadOnlyList<OwnershipRun> RunsOf(Saying saying, ShardId peer) => saying.Word switch
    {
        "owned" => [new OwnershipRun(Asked, Asked, OwnershipState.Owned, new Epoch(saying.Epoch), null, null, 0)],
        "released" => [new OwnershipRun(Asked, Asked, OwnershipState.Released, new Epoch(saying.Epoch), peer, null, 0)],
        _ => [],
    };

    private static ShardRing RingOf(ShardId owner) =>
        ShardRing.Create(Cluster, new Epoch(RingEpoch), [new Shard(One, "127.0.0.1", 5432, "s1"),
            new Shard(Other, "127.0.0.1", 5432, "s2")], [.. Slot.All.Select(_ => owner)]);
}
