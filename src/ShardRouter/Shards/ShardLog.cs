using System.Collections.Concurrent;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardCore.Shards.History;

namespace ShardRouter.Shards;

/// <summary>
/// This router's knowledge of a shard's log: how far its primary is at least, and from which timelines the present one comes.
/// </summary>
/// <param name="primary">Where the history of timelines is read.</param>
internal sealed class ShardLog(ShardId shard, ShardDatabase primary)
{
    private static readonly TimeSpan HistoryLimit = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<(uint Timeline, uint Earlier), Task<TimelineHistory>> _histories = [];
    private volatile PresentLog? _present;

    public ShardId Shard => shard;

    /// <summary>The log of the present primary; null: nobody has asked yet.</summary>
    public PresentLog? Present => _present;

    /// <summary>The shard's monitor has met a primary. What is known of another timeline, even of a higher one, is dropped.</summary>
    public void Observe(uint timeline)
    {
        if (_present?.Timeline != timeline)
            _present = new PresentLog(timeline, null);
    }

    /// <summary>
    /// A primary has told its place in the log. A primary of an earlier timeline than the present one was replaced, and its reading is
    /// ignored.
    /// </summary>
    public void Observe(LogReading reading)
    {
        if (!reading.IsPrimary)
            return;
        var present = _present;
        if (present is null || present.Timeline < reading.Timeline
            || (present.Timeline == reading.Timeline && present.StartedAt != reading.StartedAt))
            _present = present = new PresentLog(reading.Timeline, reading.StartedAt);
        if (present.Timeline == reading.Timeline)
            present.Reach(reading.Lsn);
    }

    /// <summary>
    /// Reads the history of a timeline. A history never changes, so it is read once for each earlier timeline that somebody asks for. A
    /// history that nobody may read is asked for again: somebody may grant the right.
    /// </summary>
    /// <exception cref="Npgsql.NpgsqlException">The history could not be read.</exception>
    /// <exception cref="TimeoutException">The history did not come in time.</exception>
    public async Task<TimelineHistory> HistoryAsync(uint timeline, uint earlier)
    {
        // This runs in the pool and not on a thread that watches sockets: Npgsql's own timeouts, which are used here, may block.
        var reading = _histories.GetOrAdd(
            (timeline, earlier), _ => Task.Run(() => TimelineHistory.ReadAsync(primary, timeline, earlier, CancellationToken.None)));
        try
        {
            var history = await reading.WaitAsync(HistoryLimit);
            if (history.Switches is null)
                _histories.TryRemove(new((timeline, earlier), reading));
            return history;
        }
        catch
        {
            _histories.TryRemove(new((timeline, earlier), reading));
            throw;
        }
    }
}

/// <summary>The log of the server that is the primary now.</summary>
/// <param name="startedAt">Null: only its timeline is known.</param>
internal sealed class PresentLog(uint timeline, string? startedAt)
{
    private ulong _reached;
    private ulong _shown;

    public uint Timeline => timeline;

    public string? StartedAt => startedAt;

    /// <summary>The primary has the log up to here, and perhaps more by now.</summary>
    public ulong Reached => Volatile.Read(ref _reached);

    /// <summary>The primary shows every commit up to here.</summary>
    public ulong Shown => Volatile.Read(ref _shown);

    public void Reach(ulong lsn) => Raise(ref _reached, lsn);

    public void Show(ulong lsn) => Raise(ref _shown, lsn);

    private static void Raise(ref ulong place, ulong lsn)
    {
        for (var known = Volatile.Read(ref place); known < lsn;)
        {
            var before = Interlocked.CompareExchange(ref place, lsn, known);
            if (before == known)
                return;
            known = before;
        }
    }
}
