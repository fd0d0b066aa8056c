using System.Runtime.InteropServices;

namespace LoadTests.Engine;

/// <param name="PlannedAt">A timestamp of the stopwatch: the planned start.</param>
/// <param name="Slot">The slot of its partition key.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LoggedWrite(long PlannedAt, long AnsweredAt, int Slot);

/// <summary>Keeps every write of an open loop, for an evaluation after the run.</summary>
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

    /// <summary>The writes that were under way at some moment of this time, also if they were planned long before it.</summary>
    public LoggedWrite[] UnderWay(long from, long to)
    {
        lock (_gate)
            return [.. _writes.Where(write => write.AnsweredAt >= from && write.PlannedAt < to)];
    }

    /// <summary>The answered writes that were planned in this time, in the order of their answers.</summary>
    public LoggedWrite[] Between(long from, long to)
    {
        lock (_gate)
            return [.. _writes.Where(write => write.PlannedAt >= from && write.PlannedAt < to)];
    }
}
