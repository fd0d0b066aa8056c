using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>An index as the shards of the ring have it at one look.</summary>
/// <param name="Found">For each shard that answered what it has, also a definition that was dropped; null: nothing.</param>
/// <param name="Silent">What is wrong with the shards that did not answer; empty: all did.</param>
/// <remarks>
/// A shard may have come back without its last commits. So of definitions from different times the latest counts. If it was dropped, or is
/// to be, so are all before it.
/// </remarks>
internal sealed record IndexSight(
    IndexKey Key, IReadOnlyDictionary<ShardId, IndexInShard?> Found, IReadOnlyList<string> Silent)
{
    private readonly DateTime _latest = Found.Values.Max(each => each?.CreatedAt) ?? default;

    /// <summary>For each shard that answered what it has of the index; null: it has no definition of it, or one from before it.</summary>
    public IReadOnlyDictionary<ShardId, IndexInShard?> Shards => field ??= Found.ToDictionary(
        each => each.Key, each => each.Value is { State: not "dropped" } index && (IsUnwanted || index.CreatedAt == _latest) ? index : null);

    /// <summary>Definitions of another index of this name, which was dropped in the other shards.</summary>
    public IReadOnlyDictionary<ShardId, IndexInShard> Stale => Found
        .Where(each => !IsUnwanted && each.Value is { State: not "dropped" } index && index.CreatedAt < _latest)
        .ToDictionary(each => each.Key, each => each.Value!);

    public IEnumerable<IndexInShard> Known => Shards.Values.OfType<IndexInShard>();

    public bool IsComplete => Silent.Count == 0;

    /// <summary>A shard has dropped the index, or is to drop it. So all are to.</summary>
    public bool IsUnwanted => Found.Values.Any(each => each is { State: "dropping" or "dropped" } && each.CreatedAt == _latest);

    /// <summary>What the shards say together: ready · building · failed · dropping · differs (in their definitions) · gone</summary>
    public string State =>
        !Known.Any() ? "gone"
        : IsUnwanted ? "dropping"
        : Differs ? "differs"
        : Known.Any(each => each.State == "failed" || each.Problem is not null) ? "failed"
        : Shards.Values.All(each => each is { State: "ready", IsValid: true }) ? "ready"
        : "building";

    public double Progress => State == "ready" ? 1 : Shards.Count == 0 ? 0 : Shards.Values.Average(each => each?.Progress ?? 0);

    public string? Problem => Known.Select(each => each.Problem).FirstOrDefault(problem => problem is not null);

    public bool Differs => Known.DistinctBy(each => (each.Fields, each.IsUnique)).Skip(1).Any();
}
