namespace ShardRouter.Limits;

/// <summary>How many things of each name there are now, at most; for any number of names, in the same way as <see cref="RateTable"/>.</summary>
internal sealed class CountTable(int most)
{
    private const int Places = 1 << 16;

    private readonly int[] _first = new int[Places];
    private readonly int[] _second = new int[Places];

    public int Most => most;

    /// <returns>False: there are too many already, and this one is not counted. True: <see cref="Leave"/> must follow.</returns>
    public bool TryEnter(int hash)
    {
        var first = Interlocked.Increment(ref _first[hash & (Places - 1)]);
        var second = Interlocked.Increment(ref _second[(hash >>> 16) & (Places - 1)]);
        if (Math.Min(first, second) <= most)
            return true;
        Leave(hash);
        return false;
    }

    public void Leave(int hash)
    {
        Interlocked.Decrement(ref _first[hash & (Places - 1)]);
        Interlocked.Decrement(ref _second[(hash >>> 16) & (Places - 1)]);
    }
}
