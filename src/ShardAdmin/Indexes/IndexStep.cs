namespace ShardAdmin.Indexes;

/// <summary>What one call of <see cref="IndexWork"/> came to.</summary>
internal enum IndexEnd
{
    Ready,

    /// <summary>It cannot be built; it was dropped in all shards, and the definitions say why.</summary>
    Failed,

    /// <summary>There is no such index any more.</summary>
    Gone,

    /// <summary>Something is left to do, and could not be done now.</summary>
    Again,

    /// <summary>This login may not build.</summary>
    NotAllowed,

    /// <summary>A person has to do something.</summary>
    Stuck,
}

/// <param name="Problem">Sentences; null: there is none.</param>
/// <param name="IsSilent">A shard does not answer.</param>
internal sealed record IndexStep(IndexEnd End, string? Problem = null, bool IsSilent = false);
