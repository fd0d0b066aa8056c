namespace ShardCore.Shards;

/// <summary>What a shard says of a slot in <c>sharding.slot_ownership</c>; a slot that never was there has no row.</summary>
public enum OwnershipState
{
    /// <summary>Reads and writes are served here.</summary>
    Owned,

    /// <summary>Still its owner, but writes wait: a move is about to hand it over.</summary>
    Frozen,

    /// <summary>Given to the peer; rows that are still here are residue.</summary>
    Released,

    /// <summary>Being copied here from the peer; not served yet.</summary>
    Importing,
}
