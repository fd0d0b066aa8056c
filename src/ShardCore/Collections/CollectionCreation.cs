namespace ShardCore.Collections;

/// <summary>What became of the wish for a collection.</summary>
public enum CollectionCreation
{
    Created,
    Existed,

    /// <summary>One of that name is being deleted in at least one shard; nothing was changed there.</summary>
    BeingDeleted,
}
