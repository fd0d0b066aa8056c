namespace Chaos.Failover;

/// <summary>Figures of a probe's writes in a time. Pure.</summary>
internal static class ProbeFigures
{
    /// <summary>The longest time between two acknowledgements. The first and the last moment count as acknowledgements.</summary>
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

    /// <summary>The p99 of the acknowledged writes that ended in this time.</summary>
    public static TimeSpan P99(IEnumerable<ProbeWrite> writes, long from, long until)
    {
        long[] took = [.. writes.Where(write => write.IsAcknowledged && write.Until > from && write.Until <= until)
            .Select(write => write.Until - write.At).Order()];
        return took.Length == 0 ? TimeSpan.Zero : TimeSpan.FromMicroseconds(took[(int)(0.99 * (took.Length - 1))]);
    }
}
