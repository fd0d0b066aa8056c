using ShardCore.Indexes;

namespace ShardRouter.Indexes;

/// <summary>An index on fields of a collection's documents, as one shard has it.</summary>
/// <param name="State">In this shard.</param>
/// <param name="Progress">Of the build in this shard, 0 to 1.</param>
/// <param name="Problem">Why it could not be built.</param>
/// <param name="Relation">Its name in Postgres. The one that keeps values unique has <c>.u</c> behind it.</param>
/// <param name="IsValid">Postgres has the whole index.</param>
internal sealed record IndexDefinition(
    string Name, IReadOnlyList<IndexField> Fields, bool IsUnique, DateTime CreatedAt, IndexState State, double Progress, string? Problem,
    string Relation, bool IsValid);

internal enum IndexState
{
    Building,

    /// <summary>Built here, and not yet in all shards.</summary>
    Built,
    Ready,
    Failed,
    Dropping,
}
