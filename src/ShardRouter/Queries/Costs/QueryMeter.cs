using System.Diagnostics;

namespace ShardRouter.Queries.Costs;

/// <summary>What one request costs the shards. Several of them add to it at the same time.</summary>
internal sealed class QueryMeter
{
    private readonly Lock _lock = new();

    /// <summary>Statements that shards carried out, or began to.</summary>
    public int Statements { get; private set; }

    /// <summary>The time of all statements, until their answer was read or given up.</summary>
    public TimeSpan Time { get; private set; }

    public TimeSpan Longest { get; private set; }

    /// <summary>Items that shards looked at.</summary>
    public long Scanned { get; private set; }

    /// <summary>A statement has ended, in whatever way.</summary>
    /// <param name="startedAt">When its session was there and it could begin (<see cref="Stopwatch.GetTimestamp"/>).</param>
    public void Ended(long startedAt)
    {
        var took = Stopwatch.GetElapsedTime(startedAt);
        lock (_lock)
        {
            Statements++;
            Time += took;
            Longest = took > Longest ? took : Longest;
        }
    }

    /// <summary>A statement has looked at further items.</summary>
    public void Looked(long items)
    {
        lock (_lock)
            Scanned += items;
    }
}

/// <summary>
/// How many items one statement has looked at. Every row of its answer tells what was known then, so this counts also if the answer is not
/// read to its end.
/// </summary>
internal sealed class ScannedItems(QueryMeter meter)
{
    private long _known;

    /// <param name="told">As the shard tells it; 0 if its Postgres does not count (<c>track_counts</c>).</param>
    /// <param name="returned">So many it has looked at in any case.</param>
    public void Are(long told, int returned)
    {
        var now = Math.Max(told, returned);
        if (now <= _known)
            return;
        meter.Looked(now - _known);
        _known = now;
    }
}
