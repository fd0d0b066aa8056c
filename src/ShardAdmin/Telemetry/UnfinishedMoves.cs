using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using ShardCore.Ring;

namespace ShardAdmin.Telemetry;

/// <summary>Keeps the unfinished batches of all shards as they were last read, and computes the metrics when somebody scrapes.</summary>
/// <remarks>
/// The metrics are grouped by source and target, never by batch: the number of series is the number of pairs of shards that move.
/// </remarks>
internal sealed class UnfinishedMoves
{
    private readonly ConcurrentDictionary<ShardId, IReadOnlyList<UnfinishedBatch>> _bySource = new();

    public void Set(ShardId source, IReadOnlyList<UnfinishedBatch> batches) => _bySource[source] = batches;

    /// <summary>Forgets a shard: no figure is better than one that is not true any more.</summary>
    public void Forget(ShardId source) => _bySource.TryRemove(source, out _);

    public void KeepOnly(IReadOnlySet<ShardId> sources)
    {
        foreach (var gone in _bySource.Keys.Where(source => !sources.Contains(source)))
            Forget(gone);
    }

    public IEnumerable<Measurement<int>> Count() => All()
        .GroupBy(each => (each.Source, each.Batch.Target, each.Batch.Phase, Step: each.Batch.Step ?? "none", each.Batch.Wanted))
        .Select(same => new Measurement<int>(
            same.Count(), new("source", same.Key.Source.Value), new("target", same.Key.Target), new("phase", same.Key.Phase),
            new("step", same.Key.Step), new("wanted", same.Key.Wanted)));

    public IEnumerable<Measurement<long>> Sum(Func<UnfinishedBatch, long> of) => All()
        .GroupBy(each => (each.Source, each.Batch.Target))
        .Select(same => new Measurement<long>(
            same.Sum(each => of(each.Batch)), new("source", same.Key.Source.Value), new("target", same.Key.Target)));

    /// <summary>Only for batches whose changes still flow: after the release the last measured lag means nothing.</summary>
    public IEnumerable<Measurement<double>> LongestLag() => All()
        .Where(each => each.Batch is { LagMs: not null, Phase: "copying" or "frozen" })
        .GroupBy(each => (each.Source, each.Batch.Target))
        .Select(same => new Measurement<double>(
            same.Max(each => each.Batch.LagMs!.Value) / 1000, new("source", same.Key.Source.Value), new("target", same.Key.Target)));

    /// <summary>
    /// A mover is alive if it reports on any batch of its operation, in the journal of any shard: the other batches wait for their turn.
    /// Agents use the same rule. Of several operations the metric shows the longest time without a report.
    /// </summary>
    public IEnumerable<Measurement<double>> LongestUnseen()
    {
        var all = All().ToArray();
        var unseen = all.GroupBy(each => each.Batch.OperationId)
            .ToDictionary(same => same.Key, same => same.Min(each => each.Batch.UnseenSeconds));
        return all.GroupBy(each => (each.Source, each.Batch.Target, each.Batch.Wanted))
            .Select(same => new Measurement<double>(
                same.Max(each => unseen[each.Batch.OperationId]), new("source", same.Key.Source.Value), new("target", same.Key.Target),
                new("wanted", same.Key.Wanted)));
    }

    private IEnumerable<(ShardId Source, UnfinishedBatch Batch)> All() =>
        _bySource.SelectMany(shard => shard.Value.Select(batch => (shard.Key, batch)));
}

/// <summary>The columns of a row of a source shard's journal that metrics show.</summary>
/// <param name="Step">The step that its mover is at; null: it has not begun.</param>
/// <param name="LagMs">The lag of the target behind the source, as last measured.</param>
/// <param name="UnseenSeconds">The time since a mover last reported or did something, by the clock of the source.</param>
internal sealed record UnfinishedBatch(
    Guid OperationId, string Target, string Phase, string? Step, string Wanted, long Rows, long Bytes, long BytesPlanned, long Changes,
    double? LagMs, double UnseenSeconds);
