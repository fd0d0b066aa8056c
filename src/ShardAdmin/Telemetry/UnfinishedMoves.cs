using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using ShardCore.Ring;

namespace ShardAdmin.Telemetry;

/// <summary>The unfinished batches of all shards as they were last read, and what is measured of them when somebody looks.</summary>
/// <remarks>By source and target, never by batch: so there are as many series as there are pairs of shards that move.</remarks>
internal sealed class UnfinishedMoves
{
    private readonly ConcurrentDictionary<ShardId, IReadOnlyList<UnfinishedBatch>> _bySource = new();

    public void Set(ShardId source, IReadOnlyList<UnfinishedBatch> batches) => _bySource[source] = batches;

    /// <summary>No figure is better than one that is not true any more.</summary>
    public void Forget(ShardId source) => _bySource.TryRemove(source, out _);

    public void KeepOnly(IReadOnlySet<ShardId> sources)
    {
        foreach (var gone in _bySource.Keys.Where(source => !sources.Contains(source)))
            Forget(gone);
    }

    public IEnumerable<Measurement<int>> Count() => All()
        .GroupBy(each => (each.Source, each.Batch.Target, each.Batch.Phase, Step: each.Batch.Step ?? "none", each.Batch.Wanted))
        .Select(same => new Measurement<int>(
            same.Count(), new("source", same.Key.Source.Value), new("target", same.Key.Target), new("phase", same.Key.Phase), new("step", same.Key.Step), new("wanted", same.Key.Wanted)));

    public IEnumerable<Measurement<long>> Sum(Func<UnfinishedBatch, long> of) => All()
        .GroupBy(each => (each.Source, each.Batch.Target))
        .Select(same => new Measurement<long>(same.Sum(each => of(each.Batch)), new("source", same.Key.Source.Value), new("target", same.Key.Target)));

    /// <summary>Where changes still go over: after the release the last one measured means nothing.</summary>
    public IEnumerable<Measurement<double>> LongestLag() => All()
        .Where(each => each.Batch is { LagMs: not null, Phase: "copying" or "frozen" })
        .GroupBy(each => (each.Source, each.Batch.Target))
        .Select(same => new Measurement<double>(same.Max(each => each.Batch.LagMs!.Value) / 1000, new("source", same.Key.Source.Value), new("target", same.Key.Target)));

    /// <summary>
    /// A mover is alive if it reports on any batch of its operation, whatever shard has that in its journal: the others wait for
    /// their turn. So agents judge it too. Of several operations the one that was not seen for longest.
    /// </summary>
    public IEnumerable<Measurement<double>> LongestUnseen()
    {
        var all = All().ToArray();
        var unseen = all.GroupBy(each => each.Batch.OperationId).ToDictionary(same => same.Key, same => same.Min(each => each.Batch.UnseenSeconds));
        return all.GroupBy(each => (each.Source, each.Batch.Target, each.Batch.Wanted))
            .Select(same => new Measurement<double>(
                same.Max(each => unseen[each.Batch.OperationId]), new("source", same.Key.Source.Value), new("target", same.Key.Target), new("wanted", same.Key.Wanted)));
    }

    private IEnumerable<(ShardId Source, UnfinishedBatch Batch)> All() => _bySource.SelectMany(shard => shard.Value.Select(batch => (shard.Key, batch)));
}
