using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>An index as the shards of the ring have it at one look.</summary>
/// <param name="Shards">For each shard that answered what it has; null: it has no such definition.</param>
/// <param name="Silent">What is wrong with the shards that did not answer; empty: all did.</param>
internal sealed record IndexSight(
    IndexKey Key, IReadOnlyDictionary<ShardId, IndexInShard?> Shards, IReadOnlyList<string> Silent)
{
    public IEnumerable<IndexInShard> Known => Shards.Values.OfType<IndexInShard>();

    public bool IsComplete => Silent.Count == 0;

    /// <summary>What the shards say together: ready · building · failed · dropping · differs (in their definitions) · gone</summary>
    public string State =>
        !Known.Any() ? "gone"
        : Known.Any(each => each.State == "dropping") ? "dropping"
        : Differs ? "differs"
        : Known.Any(each => each.State == "failed" || each.Problem is not null) ? "failed"
        : Shards.Values.All(each => each is { State: "ready", IsValid: true }) ? "ready"
        : "building";

    public double Progress => State == "ready" ? 1 : Shards.Count == 0 ? 0 : Shards.Values.Average(each => each?.Progress ?? 0);

    public string? Problem => Known.Select(each => each.Problem).FirstOrDefault(problem => problem is not null);

    public bool Differs => Known.DistinctBy(each => (each.Fields, each.IsUnique)).Skip(1).Any();
}
