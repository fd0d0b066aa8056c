using System.Collections.Concurrent;
using ShardCore.Collections;
using ShardCore.Ring;
using ShardRouter.Outcomes;
using ShardRouter.Routing;

namespace ShardRouter.Collections;

/// <summary>
/// Knows which collections exist, to tell "no such item" from "no such collection". Only existence is remembered, and only briefly. A
/// collection that was just created is found at once: the shard that was just asked for the item is asked for the collection.
/// </summary>
internal sealed class CollectionCatalog(SlotDispatch dispatch, TimeProvider time)
{
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _knownUntil = new(StringComparer.Ordinal);

    /// <param name="slot">The slot of the key in question. Its owner is asked.</param>
    public async Task<Routed<bool>> ExistsAsync(string name, Slot slot, CancellationToken deadline)
    {
        var now = time.GetUtcNow();
        if (_knownUntil.TryGetValue(name, out var until) && until > now)
            return Routed<bool>.Answer(true, default);
        var answer = await dispatch.RunOneAsync(
            name,
            slot,
            writes: false,
            (pool, one, cancellation) => pool.RunAsync(
                "collection", writes: false,
                async call => Fenced<bool>.Answer(await CollectionStore.FindAsync(call.Connection, one, CancellationToken.None) is { IsLive: true }),
                cancellation),
            deadline);
        if (answer.Value)
            _knownUntil[name] = now + Remembered;
        else
            _knownUntil.TryRemove(name, out _);
        return answer;
    }

    public void Forget(string name) => _knownUntil.TryRemove(name, out _);
}
