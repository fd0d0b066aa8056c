namespace ShardCore.Shards;

/// <summary>The state of a slot in <c>sharding.slot_ownership</c> of a shard. A slot that was never there has no row.</summary>
public enum OwnershipState
{
    /// <summary>The shard serves reads and writes.</summary>
    Owned,

    /// <summary>The shard is still the owner, but writes wait, because a move is about to hand the slot over.</summary>
    Frozen,

    /// <summary>The slot was given to the peer. Rows that are still here are residue.</summary>
    Released,

    /// <summary>The slot is being copied here from the peer. It is not served yet.</summary>
    Importing,
}
