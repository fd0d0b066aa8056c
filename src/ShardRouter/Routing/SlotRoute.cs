using ShardCore.Ring;
using ShardRouter.Outcomes;

namespace ShardRouter.Routing;

/// <summary>Where one operation is sent next, by the ring and by the answers of the fences so far.</summary>
/// <remarks>
/// A refusal that names the new owner is followed without a pause only towards higher epochs. So shards that point at each other cannot
/// make a request run in a circle. After a pause the request starts from the ring again.
/// One case differs: the shard to which the request was sent on does not own the slot yet. A release is final, so this shard will own the
/// slot in a moment. It is asked again, as long as no other ring has come.
/// </remarks>
internal struct SlotRoute(Slot slot)
{
    private Shard? _redirect;
    private long? _followedEpoch;
    private Epoch _followedIn;

    public readonly Slot Slot => slot;

    /// <summary>The fence's last refusal; null: the operation has a real answer.</summary>
    public FenceRefusal? Refusal { get; set; }

    public readonly Shard TargetIn(ShardRing ring) => _redirect ?? ring.OwnerOf(slot);

    /// <returns>Whether the refusal names a target that is asked at once.</returns>
    public bool TryFollow(ShardRing ring)
    {
        if (_redirect is not null && Refusal is { State: "importing" } && ring.Epoch == _followedIn)
            return false;
        var mayFollow = _redirect is null || Refusal!.Epoch > _followedEpoch;
        _redirect = mayFollow && Refusal is { State: "released", Peer: { } peer } && ShardId.IsValid(peer) ? ring.Find(new ShardId(peer)) : null;
        (_followedEpoch, _followedIn) = (Refusal!.Epoch, ring.Epoch);
        return _redirect is not null;
    }
}
