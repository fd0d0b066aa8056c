namespace LoadTests.Chaos.Failover;

/// <summary>What a probe's writes say of a stretch of time. Pure.</summary>
internal static class ProbeFigures
{
    /// <summary>The longest time between two acknowledgements, the first and the last moment counted as such.</summary>
    public static (TimeSpan Length, long End) LongestPause(IEnumerable<ProbeWrite> writes, long from, long until)
    {
        var (last, longest, end) = (from, 0L, from);
        var times = writes.Where(write => write.IsAcknowledged && write.Until > from && write.Until < until).Select(write => write.Until).Order();
        foreach (var at in times.Append(until))
        {
            if (at - last > longest)
                (longest, end) = (at - last, at);
            last = at;
        }
        return (TimeSpan.FromMicroseconds(longest), end);
    }

    /// <summary>Of the acknowledged writes that ended in it.</summary>
    public static TimeSpan P99(IEnumerable<ProbeWrite> writes, long from, long until)
    {
        long[] took = [.. writes.Where(write => write.IsAcknowledged && write.Until > from && write.Until <= until)
            .Select(write => write.Until - write.At).Order()];
        return took.Length == 0 ? TimeSpan.Zero : TimeSpan.FromMicroseconds(took[(int)(0.99 * (took.Length - 1))]);
    }
}
