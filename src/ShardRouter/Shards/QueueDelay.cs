using System.Diagnostics;

namespace ShardRouter.Shards;

/// <summary>
/// How long whoever joins a queue now will wait there, by what its last statements took; and whether that is too long. Operations are
/// refused when they come, not when their time is over: by then others waited behind them.
/// </summary>
/// <remarks>
/// A burst is no overload: the queue may become long if it becomes short again. So a wait above <see cref="QueueTarget.Delay"/> is
/// borne for <see cref="Patience"/>, up to <see cref="QueueTarget.Longest"/>. If it lasts, as many are refused as keep the wait at
/// the target, until none had to be refused for a while. That is the idea of CoDel, applied when an operation comes: a queue that
/// stays long brings nobody anything.
/// The figures are written by several threads without a lock. What is lost by that is one measurement among many.
/// </remarks>
/// <param name="target">How long is too long.</param>
/// <param name="workers">How many statements of the queue run at the same time.</param>
internal sealed class QueueDelay(QueueTarget target, int workers)
{
    /// <summary>So few are answered soon enough whatever the last statements took, and no measurement is that exact.</summary>
    public const int Few = 32;

    /// <summary>How long a wait above the target is borne, and how long none must have been refused before it is borne again.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private const int Weight = 8; // of all earlier statements against the last one, which counts 1

    private static readonly long PatienceTicks = (long)(Patience.TotalSeconds * Stopwatch.Frequency);

    private double _operationTicks; // the share of one operation in a full statement
    private long _aboveSince;
    private long _refusedAt;

    /// <summary>A statement succeeded.</summary>
    /// <param name="ticks">Its time, in ticks of the stopwatch.</param>
    /// <param name="most">How many operations it could have had.</param>
    public void Took(long ticks, int most) => Count((double)ticks / most, Weight);

    /// <summary>
    /// A statement met its limit, and nothing of it was done. It counts as much as all earlier ones: a few more would be many operations
    /// that nobody gets done. How long the shard would have needed is not known; it is taken for twice as long.
    /// </summary>
    public void TookTooLong(long ticks, int most) => Count(2.0 * ticks / most, weight: 2);

    private void Count(double operation, int weight) =>
        Volatile.Write(ref _operationTicks, _operationTicks + ((operation - _operationTicks) / weight));

    /// <param name="waiting">How many wait already.</param>
    public TimeSpan Of(int waiting) => waiting <= Few
        ? TimeSpan.Zero
        : Stopwatch.GetElapsedTime(0, (long)(Volatile.Read(ref _operationTicks) * waiting / workers));

    /// <returns>True: one more must not join the queue.</returns>
    public bool IsTooLong(int waiting) => waiting > Few && IsTooLong(Of(waiting), Stopwatch.GetTimestamp());

    /// <param name="now">A timestamp of the stopwatch.</param>
    internal bool IsTooLong(TimeSpan wait, long now)
    {
        if (wait <= target.Delay)
        {
            if (Volatile.Read(ref _aboveSince) != 0)
                Volatile.Write(ref _aboveSince, 0);
            return false;
        }
        var refusedAt = Volatile.Read(ref _refusedAt);
        var refusesAlready = refusedAt != 0 && now - refusedAt < PatienceTicks;
        if (wait <= target.Longest && !refusesAlready)
        {
            var since = Volatile.Read(ref _aboveSince);
            if (since == 0)
                Volatile.Write(ref _aboveSince, now);
            if (since == 0 || now - since < PatienceTicks)
                return false;
        }
        Volatile.Write(ref _refusedAt, now);
        return true;
    }
}

/// <summary>How long operations should wait for their shard.</summary>
/// <param name="Delay">What may last.</param>
internal readonly record struct QueueTarget(TimeSpan Delay)
{
    /// <summary>No more than this many times the delay, also for a moment.</summary>
    private const int Burst = 4;

    /// <summary>For tests, and pools that nobody configures: there is no limit but the length of the queue.</summary>
    public static QueueTarget None { get; } = new(TimeSpan.FromHours(1));

    public TimeSpan Longest => Delay * Burst;
}
