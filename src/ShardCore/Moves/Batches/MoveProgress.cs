namespace ShardCore.Moves.Batches;

/// <summary>How far one batch is, for people. The parts of the mover write it, and a display may read it at any time.</summary>
public sealed class MoveProgress
{
    private int _step;
    private long _bytes;
    private long _rows;
    private long _changes;
    private long _lagTicks;
    private long _pauseTicks = -1;

    /// <summary>The present step; null: the batch has not begun.</summary>
    public MoveStep? Step
    {
        get => Volatile.Read(ref _step) is var step and > 0 ? (MoveStep)step : null;
        internal set => Volatile.Write(ref _step, value is { } step ? (int)step : 0);
    }

    /// <summary>Bytes copied, as they went over the wire.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Rows copied, including those that come again as changes.</summary>
    public long Rows => Interlocked.Read(ref _rows);

    /// <summary>Changes of rows that were applied after the copy.</summary>
    public long Changes => Interlocked.Read(ref _changes);

    /// <summary>How long the last marker took from source to target.</summary>
    public TimeSpan Lag
    {
        get => TimeSpan.FromTicks(Interlocked.Read(ref _lagTicks));
        internal set => Interlocked.Exchange(ref _lagTicks, value.Ticks);
    }

    /// <summary>How long writes to the slots were held; null before the release.</summary>
    public TimeSpan? Pause
    {
        get => Interlocked.Read(ref _pauseTicks) is var ticks and >= 0 ? TimeSpan.FromTicks(ticks) : null;
        internal set => Interlocked.Exchange(ref _pauseTicks, value?.Ticks ?? -1);
    }

    internal void Copied(long bytes, long rows)
    {
        Interlocked.Add(ref _bytes, bytes);
        Interlocked.Add(ref _rows, rows);
    }

    internal void Applied(long changes) => Interlocked.Add(ref _changes, changes);
}
