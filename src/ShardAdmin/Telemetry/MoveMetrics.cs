using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using ShardCore.Ring;

namespace ShardAdmin.Telemetry;

/// <summary>The metrics of all moves, read from the journals of all shards: also of moves that other processes carry out.</summary>
internal sealed class MoveMetrics : IDisposable
{
    public const string MeterName = "Sharding.Moves";

    private readonly Meter _meter = new(MeterName);
    private readonly UnfinishedMoves _unfinished = new();
    private readonly ConcurrentDictionary<ShardId, long> _readAt = new();
    private readonly Counter<long> _batches;
    private readonly Counter<long> _slots;
    private readonly Counter<long> _rows;
    private readonly Counter<long> _bytes;
    private readonly Counter<long> _changes;
    private readonly Histogram<double> _pause;
    private readonly Counter<long> _failures;

    public MoveMetrics()
    {
        _batches = _meter.CreateCounter<long>(
            "sharding.move.batches", "{batch}", "Batches that have ended, by outcome: done or cancelled.");
        _slots = _meter.CreateCounter<long>("sharding.move.slots", "{slot}", "Slots that were moved.");
        _rows = _meter.CreateCounter<long>("sharding.move.rows", "{row}", "Rows copied by batches that are done.");
        _bytes = _meter.CreateCounter<long>("sharding.move.bytes", "By", "Bytes copied by batches that are done.");
        _changes = _meter.CreateCounter<long>(
            "sharding.move.changes", "{change}", "Changes applied after the copy by batches that are done.");
        _pause = _meter.CreateHistogram(
            "sharding.move.pause", "s", "How long writes to the slots of a batch were held while it was handed over.",
            tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1] });
        _failures = _meter.CreateCounter<long>("sharding.move.journal.failures", "{failure}", "Failed readings of a shard's journal.");
        ObserveUnfinished();
        _meter.CreateObservableGauge("sharding.move.journal.age", Ages, "s", "Time since the journal of the shard was last read.");
    }

    /// <param name="ended">The batches that were not counted before.</param>
    public void Read(ShardId source, IReadOnlyList<UnfinishedBatch> unfinished, IReadOnlyList<FinishedBatch> ended)
    {
        foreach (var batch in ended)
            Count(source, batch);
        _unfinished.Set(source, unfinished);
        _readAt[source] = Stopwatch.GetTimestamp();
        _failures.Add(0, TagOf(source)); // the series must exist before the first failure, or that would not be an increase
    }

    public void Failed(ShardId source)
    {
        _unfinished.Forget(source);
        _failures.Add(1, TagOf(source));
    }

    /// <summary>Forgets the shards that are no longer in the ring.</summary>
    public void KeepOnly(IReadOnlySet<ShardId> sources)
    {
        _unfinished.KeepOnly(sources);
        foreach (var gone in _readAt.Keys.Where(source => !sources.Contains(source)))
            _readAt.TryRemove(gone, out _);
    }

    public void Dispose() => _meter.Dispose();

    private void ObserveUnfinished()
    {
        _meter.CreateObservableGauge(
            "sharding.move.unfinished.batches", _unfinished.Count, "{batch}",
            "Batches in the journals, by phase, by the step that their mover is at, and by the wish for them (run, pause or cancel).");
        _meter.CreateObservableGauge(
            "sharding.move.unfinished.rows", () => _unfinished.Sum(batch => batch.Rows), "{row}",
            "Rows that unfinished batches have copied; a new attempt begins at 0.");
        _meter.CreateObservableGauge(
            "sharding.move.unfinished.bytes", () => _unfinished.Sum(batch => batch.Bytes), "By",
            "Bytes that unfinished batches have copied.");
        _meter.CreateObservableGauge(
            "sharding.move.unfinished.planned", () => _unfinished.Sum(batch => batch.BytesPlanned), "By",
            "The plan's estimate of the bytes of unfinished batches.");
        _meter.CreateObservableGauge(
            "sharding.move.unfinished.changes", () => _unfinished.Sum(batch => batch.Changes), "{change}",
            "Changes that unfinished batches have applied after their copy.");
        _meter.CreateObservableGauge(
            "sharding.move.lag", _unfinished.LongestLag, "s",
            "The longest lag of a target behind its source, as last measured before the release.");
        _meter.CreateObservableGauge(
            "sharding.move.report.age", _unfinished.LongestUnseen, "s",
            "The longest time since the mover of an unfinished operation last reported.");
    }

    private void Count(ShardId source, FinishedBatch batch)
    {
        KeyValuePair<string, object?>[] pair = [new("source", source.Value), new("target", batch.Target)];
        _batches.Add(1, [.. pair, new("outcome", batch.Outcome)]);
        if (batch.Outcome != "done")
            return;
        _slots.Add(batch.Slots, pair);
        _rows.Add(batch.Rows, pair);
        _bytes.Add(batch.Bytes, pair);
        _changes.Add(batch.Changes, pair);
        if (batch.PauseMs is { } milliseconds)
            _pause.Record(milliseconds / 1000, pair);
    }

    private IEnumerable<Measurement<double>> Ages() =>
        _readAt.Select(shard => new Measurement<double>(Stopwatch.GetElapsedTime(shard.Value).TotalSeconds, TagOf(shard.Key)));

    private static KeyValuePair<string, object?> TagOf(ShardId shard) => new("shard", shard.Value);
}
