using Npgsql;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardCore.Shards.History;

/// <summary>
/// What one process knows of a shard's history: the highest position that it or another process saw, and whether the shard fell behind it.
/// </summary>
/// <remarks>
/// A loss is kept until a person accepts it, although the shard's log soon grows beyond what was lost. A shard is compared only with what
/// was known before it was asked. Otherwise another process could have seen a later position meanwhile, and the older answer would look
/// like a loss.
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

    /// <summary>Null: none is known.</summary>
    public ShardLoss? Loss => _loss;

    /// <summary>What Redis had when it was last asked; null: it did not answer yet. Read it before the shard is asked.</summary>
    public StoredPosition? Stored
    {
        get => _stored;
        set => _stored = value;
    }

    /// <summary>What is to be written into Redis, once.</summary>
    public PositionWrite? TakeWrite() => Interlocked.Exchange(ref _write, null);

    /// <summary>One call at a time.</summary>
    /// <param name="stored">What Redis had before the shard was asked.</param>
    /// <exception cref="NpgsqlException">The history of its timelines was needed and could not be read; nothing was judged.</exception>
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

    /// <summary>Somebody accepted a loss since the last look. The position that this wrote is what later ones are compared with.</summary>
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

    /// <summary>Redis gets the highest position, and a loss, once. A position is never raised while a loss is known.</summary>
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

/// <summary>What an observation brought to light.</summary>
public enum HistoryChange
{
    None,

    /// <summary>A loss that this process did not know.</summary>
    Lost,

    /// <summary>A person accepted the loss.</summary>
    Accepted,
}
