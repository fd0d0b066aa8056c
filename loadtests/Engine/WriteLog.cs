using System.Runtime.InteropServices;

namespace LoadTests.Engine;

/// <param name="PlannedAt">Timestamps of the stopwatch: when it was to begin.</param>
/// <param name="Slot">Of its partition key.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LoggedWrite(long PlannedAt, long AnsweredAt, int Slot);

/// <summary>Every write of an open loop, one by one, for questions that are asked only afterwards.</summary>
internal sealed class WriteLog
{
    private readonly Lock _gate = new();
    private readonly List<LoggedWrite> _writes = new(1 << 20);
    private int _failed;

    public int Failed => Volatile.Read(ref _failed);

    /// <summary>The first wrong answer; null: there was none.</summary>
    public string? FirstFailure { get; private set; }

    public void Add(in LoggedWrite write)
    {
        lock (_gate)
            _writes.Add(write);
    }

    public void Fail(string why)
    {
        lock (_gate)
            FirstFailure ??= why;
        Interlocked.Increment(ref _failed);
    }

    /// <summary>Those that were under way at some moment of this time, however long before it they were planned.</summary>
    public LoggedWrite[] UnderWay(long from, long to)
    {
        lock (_gate)
            return [.. _writes.Where(write => write.AnsweredAt >= from && write.PlannedAt < to)];
    }

    /// <summary>Those that were planned in this time and are answered, in the order of their answers.</summary>
    public LoggedWrite[] Between(long from, long to)
    {
        lock (_gate)
            return [.. _writes.Where(write => write.PlannedAt >= from && write.PlannedAt < to)];
    }
}
