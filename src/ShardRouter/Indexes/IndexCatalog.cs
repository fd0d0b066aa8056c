using System.Collections.Concurrent;
using ShardRouter.Outcomes;
using ShardRouter.Rings;
using ShardRouter.Shards;

namespace ShardRouter.Indexes;

/// <summary>
/// Knows which indexes of a collection are ready in all shards. What it knows is briefly behind. That costs time at most, never a wrong
/// answer: statements say everything that is asked, whichever index Postgres takes for them.
/// </summary>
internal sealed class IndexCatalog(RingHolder holder, ShardPools pools, TimeProvider time)
{
    private const int MostRemembered = 10_000;

    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, (IReadOnlyList<IndexDefinition> Indexes, DateTimeOffset Until)> _known =
        new(StringComparer.Ordinal);

    /// <summary>The indexes that may be of use. One partition is read by its key.</summary>
    public async Task<IReadOnlyList<IndexDefinition>> ReadyAsync(string collection, string? partitionKey, CancellationToken deadline) =>
        partitionKey is null ? await ReadyAsync(collection, deadline) : [];

    /// <summary>Asks the first shard that answers. If none does, what was known is still taken.</summary>
    private async Task<IReadOnlyList<IndexDefinition>> ReadyAsync(string collection, CancellationToken deadline)
    {
        var now = time.GetUtcNow();
        var isKnown = _known.TryGetValue(collection, out var known);
        if (isKnown && known.Until > now)
            return known.Indexes;
        if (await ReadAsync(collection, deadline) is not { } read)
            return isKnown ? known.Indexes : [];
        IReadOnlyList<IndexDefinition> ready = [.. read.Where(each => each.State == IndexState.Ready)];
        if (_known.Count >= MostRemembered)
            _known.Clear();
        _known[collection] = (ready, now + Remembered);
        return ready;
    }

    public void Forget(string collection) => _known.TryRemove(collection, out _);

    private async Task<IReadOnlyList<IndexDefinition>?> ReadAsync(string collection, CancellationToken deadline)
    {
        if (holder.Current is not { IsEmpty: false } ring)
            return null;
        foreach (var pool in ring.Shards.Select(shard => pools.Of(shard, ring.Cluster)).Where(pool => pool.Circuit.IsClosed))
        {
            try
            {
                return await pool.RunAsync("index", writes: false, call => IndexStore.ReadAsync(call.Connection, collection), deadline);
            }
            catch (ShardCallException) when (!deadline.IsCancellationRequested)
            {
                // ask the next shard
            }
            catch (ShardCallException)
            {
                return null;
            }
        }
        return null;
    }
}
