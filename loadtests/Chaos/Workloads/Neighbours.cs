namespace Chaos.Workloads;

/// <summary>
/// The newest partitions of one workload, for requests about several of them. Several clients may use it at the same time.
/// </summary>
internal sealed class Neighbours<T>(int count)
    where T : class
{
    private readonly T?[] _newest = new T?[count];
    private int _added = -1;

    public T Add(T partition)
    {
        Volatile.Write(ref _newest[Interlocked.Increment(ref _added) % _newest.Length], partition);
        return partition;
    }

    /// <returns>At most this number of other partitions, each of them once.</returns>
    public IReadOnlyList<T> Others(Random random, T self, int most)
    {
        T[] others = [.. _newest.OfType<T>().Where(other => other != self)];
        random.Shuffle(others);
        return others.Length <= most ? others : others[..most];
    }
}
