using ShardCore.Ring;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Queries.Costs;
using ShardRouter.Refusals;
using static ShardRouter.Queries.PageStatement;

namespace ShardRouter.Queries;

/// <summary>Reads a page over all shards, and puts their parts together in one order.</summary>
/// <remarks>
/// A page by slot and without a filter is read in another way (<see cref="ScanReader"/>). For every other one:
/// Every shard gives its first items of that order, as many as a whole page has at most. Some stop sooner and say up to where they read.
/// Up to the first of these places nothing is missing, and the page ends there, or where it is full. What is behind that place is read
/// again by the next page; so page 1,000 costs as much as page 1.
/// </remarks>
internal sealed class QueryReader(Scatter scatter, ScanReader scans, QueryStatistics statistics)
{
    /// <param name="query">The page.</param>
    /// <param name="slots">The slots of the items.</param>
    /// <param name="before">Called for each shard before it is asked.</param>
    /// <param name="partial">True: shards that fail are left out.</param>
    /// <param name="share">The request's.</param>
    /// <param name="deadline">The request's.</param>
    /// <exception cref="ProblemException">overloaded.</exception>
    public async Task<QueryPage> ReadAsync(
        ItemQuery query, SlotSet slots, BeforeShard before, bool partial, PayloadShare share, CancellationToken deadline)
    {
        var (meter, page) = (new QueryMeter(), (QueryPage?)null);
        try
        {
            return page = await ReadAsync(query, slots, before, partial, share, meter, deadline);
        }
        finally
        {
            var answered = page is { Failure: null } ? page : null;
            statistics.Add(
                ShapeOf.Query(query, query.Index?.Index.Name), FittingIndex.Of(query, answered?.Rows is [var first, ..] ? first.Key : null), meter,
                new QueryEnd(answered?.Rows.Count, query.After is not null, answered?.Stop == StopReason.Budget));
        }
    }

    private async Task<QueryPage> ReadAsync(
        ItemQuery query, SlotSet slots, BeforeShard before, bool partial, PayloadShare share, QueryMeter meter, CancellationToken deadline)
    {
        if (query.IsScan)
            return await scans.ReadAsync(query, slots, before, partial, share, meter, deadline);
        var scattered = await scatter.RunAsync(
            "query", slots, before, (call, asked) => ExecuteAsync(call, query, asked, PageMerge.MostPageBytes, share, meter), partial, meter,
            deadline);
        if (scattered.Failure is { } failure)
            return new QueryPage([], null, StopReason.None, [], [], failure, scattered.FailedShard);
        var page = PageMerge.Merge(query, [.. scattered.Answers.Select(each => each.Value)]);
        share.GiveBack(scattered.Answers.Sum(each => each.Value.Rows.Sum(row => row.Bytes)) - page.Rows.Sum(row => row.Bytes));
        return page with
        {
            Shards = [.. scattered.Answers.Select(each => each.Shard).Distinct().OrderBy(each => each.Value, StringComparer.Ordinal)],
            Incomplete = scattered.Incomplete,
        };
    }
}

/// <param name="ReadUpTo">The next page begins behind this; null: there is none.</param>
/// <param name="Incomplete">The shards whose items are missing.</param>
internal sealed record QueryPage(
    IReadOnlyList<PageRow> Rows, SortKey? ReadUpTo, StopReason Stop, IReadOnlyList<ShardId> Shards, IReadOnlyList<ShardId> Incomplete,
    ShardFailure? Failure, ShardId FailedShard)
{
    /// <summary>How many slots at once the next page should begin with; 0: that is not known.</summary>
    public int SlotsAtOnce { get; init; }
}
