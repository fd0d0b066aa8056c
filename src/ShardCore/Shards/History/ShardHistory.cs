using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards.Failover;

namespace ShardCore.Shards.History;

/// <summary>
/// What one process knows of a shard's history: the highest position that any process saw, and whether the shard has fallen behind it.
/// </summary>
/// <remarks>
/// A loss is kept until a person accepts it, even when the shard's log has grown beyond what was lost. A shard's answer is compared only
/// with positions that were known before the shard was asked. Otherwise another process could have seen a later position meanwhile, and
/// the older answer would look like a loss.
/// </remarks>
/// <param name="observer">The name of this process.</param>
public sealed class ShardHistory(ShardId shard, string observer, TimeProvider time)
{
    private ShardPosition? _kept;
    private long? _acceptances;
    private volatile StoredPosition? _stored;
    private PositionWrite? _write;
    private volatile ShardLoss? _loss;

    public ShardId Shard => shard;

    /// <summary>The loss that is known; null: none.</summary>
    public ShardLoss? Loss => _loss;

    /// <summary>
    /// What Redis had when it was last asked; null: it did not answer yet. Redis must be read before the shard is asked.
    /// </summary>
    public StoredPosition? Stored
    {
        get => _stored;
        set => _stored = value;
    }

    /// <summary>Returns what has to be written into Redis, and returns it only once.</summary>
    public PositionWrite? TakeWrite() => Interlocked.Exchange(ref _write, null);

    /// <summary>Judges a reading of the shard. Only one call may run at a time.</summary>
    /// <param name="stored">What Redis had before the shard was asked.</param>
    /// <exception cref="NpgsqlException">The history of the timelines was needed and could not be read; nothing was judged.</exception>
    public async Task<HistoryChange> ObserveAsync(
        ShardReading reading, StoredPosition? stored, ShardDatabase source, CancellationToken cancellation)
    {
        var wasLost = _loss is not null;
        var isAccepted = TakeAcceptance(stored?.Value);
        if (_kept is not null)
            await JudgeAsync(_kept, reading.Now, source, cancellation);
        if (stored?.Value is { } known)
        {
            if (known.Loss is not null)
                _loss ??= known.Loss;
            else
                await JudgeAsync(known.Position, reading.Now, source, cancellation);
        }
        if (_loss is null && reading.Confirmed is { } confirmed && _kept?.IsAfter(confirmed) != true)
            _kept = confirmed;
        Volatile.Write(ref _write, NextOf(stored));
        if (_loss is not null)
            return wasLost && !isAccepted ? HistoryChange.None : HistoryChange.Lost;
        return isAccepted ? HistoryChange.Accepted : HistoryChange.None;
    }

    /// <summary>
    /// Whether a person accepted a loss since the last look. Later positions are then compared with the position that this person wrote.
    /// </summary>
    private bool TakeAcceptance(KeptPosition? stored)
    {
        if (stored is null)
            return false;
        var (isNew, wasLost) = (stored.Acceptances > _acceptances, _loss is not null);
        _acceptances = stored.Acceptances;
        if (isNew)
            (_kept, _loss) = (stored.Position, null);
        return isNew && wasLost;
    }

    private async Task JudgeAsync(ShardPosition kept, ShardPosition now, ShardDatabase source, CancellationToken cancellation)
    {
        if (_loss is not null)
            return;
        var timelines = HistoryJudgement.NeedsTimelines(kept, now)
            ? await TimelineHistory.ReadAsync(source, now.Timeline, kept.Timeline, cancellation)
            : null;
        var judged = HistoryJudgement.Of(kept, now, timelines);
        if (judged.Verdict != HistoryVerdict.SameOrLater)
            _loss = new ShardLoss(kept, now, judged.LostBytes, judged.IsHistoryUnread, time.GetUtcNow(), observer);
    }

    /// <summary>
    /// Decides what Redis gets: the highest position, and a loss once. A position is never raised while a loss is known.
    /// </summary>
    private PositionWrite? NextOf(StoredPosition? stored) => stored switch
    {
        null or { Value.Loss: not null } => null,
        { Value: null } => (_loss?.Kept ?? _kept) is { } first
            ? new PositionWrite(stored, new KeptPosition(first, _acceptances ?? 0, _loss))
            : null,
        { Value: { } value } when _loss is not null => new PositionWrite(stored, value with { Loss = _loss }),
        { Value: { } value } => _kept?.IsAfter(value.Position) == true ? new PositionWrite(stored, value with { Position = _kept }) : null,
    };
}

/// <summary>The result of an observation.</summary>
public enum HistoryChange
{
    None,

    /// <summary>The observation showed a loss that this process did not know.</summary>
    Lost,

    /// <summary>A person accepted the loss.</summary>
    Accepted,
}
