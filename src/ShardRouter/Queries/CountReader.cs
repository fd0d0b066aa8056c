using System.Globalization;
using ShardCore.Ring;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Queries.Costs;

namespace ShardRouter.Queries;

/// <summary>Counts items over all shards: exactly, which reads them, or by the shards' statistics.</summary>
internal sealed class CountReader(Scatter scatter, AggregateReader aggregates)
{
    /// <param name="items">Which items.</param>
    /// <param name="index">The index that serves their filter; null: none does.</param>
    /// <param name="kind">Estimated or exact.</param>
    /// <param name="slots">Their slots.</param>
    /// <param name="before">Called for each shard before it is asked.</param>
    /// <param name="partial">True: shards that fail are left out.</param>
    /// <param name="share">The request's.</param>
    /// <param name="deadline">The request's.</param>
    /// <exception cref="Refusals.ProblemException">overloaded.</exception>
    public async Task<ItemCount> ReadAsync(
        ItemSelection items, IndexUse? index, CountKind kind, SlotSet slots, BeforeShard before, bool partial, PayloadShare share,
        CancellationToken deadline)
    {
        if (kind == CountKind.Estimated)
        {
            var estimated = await scatter.RunAsync(
                "estimate", slots, before, (call, asked) => EstimateStatement.ExecuteAsync(call, items, asked), partial, new QueryMeter(), deadline);
            return Of(estimated, parts => (long)Math.Round(parts.Sum()));
        }
        var query = new AggregateQuery(items, [], [new Aggregate(AggregateKind.Count, null, "count")], [], 1, index);
        var counted = await aggregates.ReadAsync(query, slots, before, partial, share, deadline);
        return Of(counted, parts => long.Parse(AggregateReader.Merge(query, parts)[0].Results[0], CultureInfo.InvariantCulture));
    }

    private static ItemCount Of<T>(Scattered<T> told, Func<IEnumerable<T>, long> count) => new(
        told.Failure is null ? count(told.Answers.Select(each => each.Value)) : 0,
        [.. told.Answers.Select(each => each.Shard).Distinct().OrderBy(each => each.Value, StringComparer.Ordinal)], told.Incomplete,
        told.Failure, told.FailedShard);
}

/// <param name="Incomplete">The shards whose items are missing.</param>
internal sealed record ItemCount(
    long Count, IReadOnlyList<ShardId> Shards, IReadOnlyList<ShardId> Incomplete, ShardFailure? Failure, ShardId FailedShard);
