using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Collections;
using ShardCore.Ring;

namespace ShardAdmin.Collections;

/// <summary>One collection in all shards.</summary>
/// <param name="State">live · beingDeleted (in at least one shard) · incomplete (some shards lack it).</param>
/// <param name="MissingIn">Shards that lack it.</param>
internal sealed record CollectionLine(string Name, string State, DateTime CreatedAt, IReadOnlyList<string> MissingIn);

internal static class CollectionSurvey
{
    public static async Task<IReadOnlyList<CollectionLine>> ReadAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var byShard = await Reach.AllAsync(shards, shard => CollectionStore.ListAsync(session.Source(shard), cancellation));
        return Of(byShard);
    }

    public static IReadOnlyList<CollectionLine> Of(IReadOnlyDictionary<ShardId, IReadOnlyList<CollectionDefinition>> byShard) =>
        [.. byShard.SelectMany(shard => shard.Value.Select(definition => (Shard: shard.Key, Definition: definition)))
            .GroupBy(each => each.Definition.Name, StringComparer.Ordinal)
            .OrderBy(same => same.Key, StringComparer.Ordinal)
            .Select(same => new CollectionLine(
                same.Key,
                same.Any(each => !each.Definition.IsLive) ? "beingDeleted" : same.Count() < byShard.Count ? "incomplete" : "live",
                same.Min(each => each.Definition.CreatedAt),
                [.. byShard.Keys.Except(same.Select(each => each.Shard)).Select(id => id.Value)]))];
}
