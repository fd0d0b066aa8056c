using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>What is to be done about an index.</summary>
internal enum IndexTask
{
    /// <summary>Nothing: it is ready in all shards, or its build failed and nobody wants it repeated.</summary>
    None,

    /// <summary>To bring it to "ready" in all shards.</summary>
    Build,

    /// <summary>Its build failed in a shard: to drop it in all shards, then to say so.</summary>
    GiveUp,

    /// <summary>To drop it, with its definition, in all shards.</summary>
    Drop,

    /// <summary>Its collection is being deleted: to end what still builds it, because that keeps the table.</summary>
    Quit,

    /// <summary>The shards have different definitions of that name: a person decides which is right.</summary>
    Differs,
}

/// <summary>Decides from what the shards have what is to be done. A pure function.</summary>
/// <remarks>
/// A takeover can take a shard back by some seconds, and a process can stop between two shards. So the shards may contradict each other,
/// and the rules say what counts:
/// <list type="bullet">
/// <item>Of definitions from different times the latest counts (<see cref="IndexSight"/>): a shard that has an earlier one gets it, instead of
/// its own.</item>
/// <item>"dropping" or "dropped" in one shard counts for all. The mark is set in all shards before the first index goes, and stays. So a
/// definition that is missing in one shard and wanted in another is one that the first shard lost.</item>
/// <item>A problem in one shard counts for all, until all are "failed".</item>
/// <item>"failed" in some and not in others: the repetition that somebody wanted stopped half-way, or a takeover lost the end of a failure.
/// Either way it is built again; if it cannot be built, that ends in the same failure.</item>
/// <item>"ready" without an index in Postgres: somebody dropped it there. It is built again.</item>
/// </list>
/// </remarks>
internal static class IndexRules
{
    /// <summary>Somebody may be defining it at this moment, one shard after the other.</summary>
    private const double FreshSeconds = 10;

    public static IndexTask Decide(IndexSight sight)
    {
        if (!sight.Known.Any())
            return IndexTask.None;
        if (sight.Known.Any(each => !each.IsWanted))
            return sight.Known.Any(each => each.IsHeld) ? IndexTask.Quit : IndexTask.None;
        if (sight.IsUnwanted)
            return IndexTask.Drop;
        if (sight.Differs)
            return IndexTask.Differs;
        if (sight.Known.Any(each => each.State != "failed" && each.Problem is not null))
            return IndexTask.GiveUp;
        if (sight.Known.All(each => each.State == "failed"))
            return IndexTask.None;
        var isReady = sight.Known.All(each => each.State == "ready" && each.IsValid) && Missing(sight).Count == 0;
        return isReady ? IndexTask.None : IndexTask.Build;
    }

    /// <summary>The shards that lack the definition and are to get it.</summary>
    public static IReadOnlyList<ShardId> Missing(IndexSight sight) =>
        sight.Known.Any() && sight.Known.Max(each => each.AgeSeconds) >= FreshSeconds
            ? [.. sight.Shards.Where(each => each.Value is null).Select(each => each.Key)]
            : [];
}
