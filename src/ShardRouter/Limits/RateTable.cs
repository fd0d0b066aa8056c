using System.Diagnostics;

namespace ShardRouter.Limits;

/// <summary>
/// Token buckets for any number of names in a fixed amount of memory. A bucket holds what may be taken in one second, and fills at that
/// rate.
/// </summary>
/// <remarks>
/// Each name has a place in each of two rows, by different bits of its hash. A place says until when what was taken from it is paid for
/// by the rate (GCRA: the bucket is as full as that moment is near). Names that share a place count in it together, so a place may say
/// too much, never too little; the lesser of the two decides. Two names disturb each other only if they share both. The hash has a seed
/// of this process, so nobody can choose such names.
/// The limiters of System.Threading.RateLimiting were not taken: one for each name needs a table that grows with the names that callers
/// make up, and a timer that looks at all of them (docs/adr/0027-too-much-is-refused-early.md).
/// </remarks>
internal sealed class RateTable(int perSecond)
{
    private const int Places = 1 << 16;
    private const int Gates = 1 << 8;

    private readonly long _ticksOfOne = Math.Max(1, Stopwatch.Frequency / perSecond);
    private readonly long[] _first = new long[Places];
    private readonly long[] _second = new long[Places];
    private readonly Lock[] _gates = [.. Enumerable.Range(0, Gates).Select(_ => new Lock())];

    public int PerSecond => perSecond;

    /// <param name="hash">Of the name; the same name has the same hash.</param>
    /// <param name="tokens">More than a second's are taken as a second's, because more are never there.</param>
    /// <param name="now">A timestamp of the stopwatch.</param>
    public RateTaking Take(int hash, int tokens, long now)
    {
        ref var first = ref _first[hash & (Places - 1)];
        ref var second = ref _second[(hash >>> 16) & (Places - 1)];
        var cost = Math.Min(tokens, perSecond) * _ticksOfOne;
        // Names with the same first place wait for each other, so two requests of one name never read the same moment and both add to it.
        // A name that shares the second place only can raise it meanwhile, which does no harm.
        lock (_gates[hash & (Gates - 1)])
        {
            var paid = Math.Max(Math.Min(Volatile.Read(ref first), Volatile.Read(ref second)), now);
            var after = paid + cost;
            var over = after - now - (perSecond * _ticksOfOne);
            if (over > 0)
                return new RateTaking(false, Left(paid, now), Stopwatch.GetElapsedTime(0, over));
            Raise(ref first, after);
            Raise(ref second, after);
            return new RateTaking(true, Left(after, now), Stopwatch.GetElapsedTime(now, after));
        }
    }

    private int Left(long paid, long now) => (int)Math.Max(0, perSecond - ((paid - now + _ticksOfOne - 1) / _ticksOfOne));

    private static void Raise(ref long place, long to)
    {
        for (var at = Volatile.Read(ref place); at < to;)
            if (Interlocked.CompareExchange(ref place, to, at) is var seen && seen == at)
                return;
            else
                at = seen;
    }
}

/// <param name="Left">How many tokens are there still.</param>
/// <param name="Wait">After a refusal: until so many are there. Otherwise: until the bucket is full.</param>
internal readonly record struct RateTaking(bool IsTaken, int Left, TimeSpan Wait);
