using ShardCore.Ring;
using ShardCore.RingDocuments;

namespace ShardRouter.Rings;

/// <summary>
/// The ring by which this router routes. Only a newer ring of the same cluster replaces it, and always as a whole. A request reads it
/// once for each attempt. Until the first ring arrives, every data request is answered with ring-unavailable.
/// </summary>
internal sealed class RingHolder
{
    private readonly Lock _gate = new();
    private volatile ShardRing? _current;

    public ShardRing? Current => _current;

    /// <summary>Takes the ring if it is newer.</summary>
    /// <returns>True: the ring is in use now. False: it was in use before.</returns>
    /// <exception cref="BadRingException">The ring is older than the one in use (Redis was rolled back), or of another cluster.</exception>
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
