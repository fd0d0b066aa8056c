using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using ShardCore.Ring;
using ShardCore.Shards.History;
using ShardRouter.Configuration;

namespace ShardRouter.Shards;

/// <summary>This router's knowledge of the history of each shard in the ring. It stays when the shard's address changes.</summary>
internal sealed class ShardHistories(RouterOptions options, TimeProvider time)
{
    private readonly ConcurrentDictionary<ShardId, ShardHistory> _histories = [];

    public ShardHistory Of(ShardId shard) => _histories.GetOrAdd(shard, id => new ShardHistory(id, "router " + options.RouterId, time));

    /// <summary>
    /// The histories of the shards in the ring. A shard that left is forgotten: a shard that joins later under its name has another
    /// history.
    /// </summary>
    public IReadOnlyCollection<ShardHistory> OfRing(ShardRing ring)
    {
        foreach (var gone in _histories.Keys.Where(id => ring.Find(id) is null))
            _histories.TryRemove(gone, out _);
        return [.. _histories.Values];
    }

    public IEnumerable<Measurement<int>> Measure() => _histories.Values.Select(history =>
        new Measurement<int>(history.Loss is null ? 0 : 1, new KeyValuePair<string, object?>("shard", history.Shard.Value)));
}
