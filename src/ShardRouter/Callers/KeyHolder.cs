using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Rings;

namespace ShardRouter.Callers;

/// <summary>
/// The API keys by which this router lets in: what each shard of the ring said last, merged. A shard that is away, or was restored to
/// an older state, changes nothing for a key of which another shard, or this router, knows better.
/// </summary>
/// <param name="isWanted">False: nobody needs keys, and no shard is asked.</param>
internal sealed class KeyHolder(RingHolder holder, TimeProvider time, bool isWanted)
{
    /// <summary>
    /// How long a router that has just started waits for the shards that have not told theirs. Without it, a revocation that only one
    /// shard knows could be overlooked in the first moments.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<ShardId, IReadOnlyList<ApiKey>> _told = [];
    private volatile KnownKeys? _known;
    private long _firstToldAt;
    private volatile bool _isSettled;

    public bool IsWanted => isWanted;

    /// <summary>Null: too few shards have told their keys yet.</summary>
    public KnownKeys? Current => _isSettled || IsSettledNow() ? _known : null;

    /// <summary>A shard told all its keys.</summary>
    public void Tell(ShardId shard, IReadOnlyList<ApiKey> keys)
    {
        lock (_gate)
        {
            if (_known is null)
                _firstToldAt = time.GetTimestamp();
            _told[shard] = keys;
            if (holder.Current is { } ring)
                foreach (var gone in _told.Keys.Where(id => ring.Find(id) is null).ToArray())
                    _told.Remove(gone);
            var merged = ApiKey.MergeAll(_told.Values);
            // What this router knows of a key stays true when the shard that told it was restored, or has left.
            if (_known is { } before)
                merged = before.Rows.Where(known => !merged.ContainsKey(known.Key) && HasEnded(known.Value))
                    .Concat(merged.Select(key => KeyValuePair.Create(key.Key, Remembered(before, key.Value))))
                    .ToDictionary(StringComparer.Ordinal);
            _known = new KnownKeys(merged, _known);
        }
    }

    /// <summary>Such a key is remembered although no shard tells it: one may be restored to a moment at which it was valid.</summary>
    private bool HasEnded(ApiKey key) => key.StateAt(time.GetUtcNow().UtcDateTime) != "active";

    private static ApiKey Remembered(KnownKeys before, ApiKey key) =>
        before.Rows.TryGetValue(key.Id, out var known) ? key.Merge(known) : key;

    private bool IsSettledNow()
    {
        if (_known is null)
            return false;
        lock (_gate)
            _isSettled |= (holder.Current is { } ring && ring.Shards.All(shard => _told.ContainsKey(shard.Id)))
                || time.GetElapsedTime(_firstToldAt) > Patience;
        return _isSettled;
    }
}
