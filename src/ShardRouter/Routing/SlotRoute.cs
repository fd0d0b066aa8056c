using ShardCore.Ring;

namespace ShardRouter.Routing;

/// <summary>Where one operation is to be sent next, given the ring and what the fences have answered so far.</summary>
/// <remarks>
/// A refusal that names the new owner is followed without a pause only towards higher epochs, so shards that point at each
/// other cannot make a request run in a circle; after a pause it starts from the ring again. Except where the shard that it was sent on to does not own the slot yet:
/// a release is final, so it will in a moment, and is asked again, as long as no other ring has come.
/// </remarks>
internal struct SlotRoute(Slot slot)
{
    private Shard? _redirect;
    private long? _followedEpoch;
    private Epoch _followedIn;

    public readonly Slot Slot => slot;

    /// <summary>The fence's last answer; null once there is a real one.</summary>
    public FenceRefusal? Refusal { get; set; }

    public readonly Shard TargetIn(ShardRing ring) => _redirect ?? ring.OwnerOf(slot);

    /// <returns>Whether the refusal says where to go at once.</returns>
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
