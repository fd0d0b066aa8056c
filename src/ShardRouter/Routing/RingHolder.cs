using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardRouter.Routing;

/// <summary>
/// The ring this router routes by. Replaced as a whole, only by a newer one of the same cluster; a request reads it
/// once. Until the first ring arrives there is none, and every data request answers ring-unavailable.
/// </summary>
internal sealed class RingHolder
{
    private readonly Lock _gate = new();
    private volatile ShardRing? _current;

    public ShardRing? Current => _current;

    /// <summary>Takes the ring if it is newer.</summary>
    /// <returns>Whether it is in use now; false: it is the one we have.</returns>
    /// <exception cref="BadRingException">It is older than ours (Redis was rolled back) or of another cluster.</exception>
    public bool Accept(ShardRing ring)
    {
        lock (_gate)
        {
            if (_current is { } current)
            {
                if (ring.Cluster != current.Cluster)
                    throw new BadRingException($"The ring is of cluster {ring.Cluster}; this router serves {current.Cluster}.");
                if (ring.Epoch < current.Epoch)
                    throw new BadRingException($"The ring has epoch {ring.Epoch}; this router has seen {current.Epoch}.");
                if (ring.Epoch == current.Epoch)
                    return false;
            }
            _current = ring;
            return true;
        }
    }
}
