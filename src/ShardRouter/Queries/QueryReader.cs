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
/// 1. Every shard gives its first items of that order, as many as a page has. Along an index it gives only its share of the page, by its
///    slots, and some more, because items are not spread evenly. Some stop sooner and say up to where they read. Up to the first of these
///    places nothing is missing, and the page ends there, or where it is full.
/// 2. If a share was too small to fill the page, those that have more than their share are asked once more, from that place on. Each may
///    then give all that is missing, so there is no third time. If half of the time to search is over, or if that second time fails, the
///    page is what the first one gave: it has a cursor, so nothing is lost.
/// What is behind the end is read again by the next page; so page 1,000 costs as much as page 1.
/// </remarks>
internal sealed class QueryReader(Scatter scatter, ScanReader scans, QueryStatistics statistics, TimeProvider time)
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
                ShapeOf.Query(query, query.Index?.Index.Name),
                FittingIndex.Of(query, answered?.Rows is [var first, ..] ? first.Key : null), meter,
                new QueryEnd(answered?.Rows.Count, query.After is not null, answered?.Stop == StopReason.Budget));
        }
    }

    private async Task<QueryPage> ReadAsync(
        ItemQuery query, SlotSet slots, BeforeShard before, bool partial, PayloadShare share, QueryMeter meter, CancellationToken deadline)
    {
        slots = query.Items.Among(slots);
        if (query.IsScan)
            return await scans.ReadAsync(query, slots, before, partial, share, meter, deadline);
        using var turn = scatter.Enter();
        var startedAt = time.GetTimestamp();
        var first = await AskAsync(query, slots, asked => Share(query, asked.Count, slots.Count));
        if (first.Failure is { } failure)
            return QueryPage.Failed(failure, first.FailedShard);
        var (page, taken) = await FillAsync(query, first, startedAt, share, AskAsync);
        share.GiveBack(taken - page.Rows.Sum(row => row.Bytes));
        return page with { Shards = InOrder(first.Answers.Select(each => each.Shard)), Incomplete = InOrder(first.Incomplete) };

        Task<Scattered<PagePart>> AskAsync(ItemQuery some, SlotSet of, Func<SlotSet, int> limit) => scatter.RunInTurnAsync(
            "query", of, before,
            (call, asked) => ExecuteAsync(call, some with { Limit = limit(asked) }, asked, PageMerge.MostPageBytes, share, meter),
            partial, meter, deadline);
    }

    /// <summary>Makes the page of the first answers. If shares were too small to fill it, it asks the second time for the rest.</summary>
    /// <returns>The page, and how many bytes of the request's share its parts hold.</returns>
    private async Task<(QueryPage Page, long Taken)> FillAsync(
        ItemQuery query, Scattered<PagePart> first, long startedAt, PayloadShare share, AskShards ask)
    {
        List<PagePart> parts = [.. first.Answers.Select(each => each.Value)];
        var (page, taken) = (PageMerge.Merge(query, parts), BytesOf(parts));
        if (page is not { Stop: StopReason.Limit, ReadUpTo: { } end } || page.Rows.Count >= query.Limit)
            return (page, taken);
        var left = query.ScanLimit - time.GetElapsedTime(startedAt);
        var more = first.Answers.Where(each => each.Value.Stop == StopReason.Limit)
            .Aggregate(SlotSet.None, (all, each) => all.Or(each.Slots));
        parts = [.. parts.Select(part => part.Stop == StopReason.Limit ? part.UpTo(end, query.Order) : part)];
        share.GiveBack(taken - BytesOf(parts));
        taken = BytesOf(parts);
        if (left < query.ScanLimit / 2)
            return (page with { Stop = StopReason.Budget }, taken);
        var rest = query with { After = end, Limit = query.Limit - page.Rows.Count, ScanLimit = left };
        return await MoreAsync(rest, more, ask) is { } second
            ? (PageMerge.Merge(query, [.. PageMerge.Without(parts, second), .. second]), taken + BytesOf(second))
            : (page, taken);
    }

    /// <returns>Null: the second time failed, or a shard is missing in it.</returns>
    private static async Task<IReadOnlyList<PagePart>?> MoreAsync(ItemQuery rest, SlotSet slots, AskShards ask)
    {
        try
        {
            var answer = await ask(rest, slots, _ => rest.Limit);
            return answer is { Failure: null, Incomplete: [] } ? [.. answer.Answers.Select(each => each.Value)] : null;
        }
        catch (ProblemException)
        {
            return null; // overloaded
        }
    }

    /// <summary>
    /// How many items of a page a shard is asked for. If items are spread evenly over slots, four standard deviations above the mean are
    /// enough in nearly every page; where all items with a value are of one partition, they are not. Without an index to begin at, the
    /// second time would cost as much as the first, so everything is asked for at once.
    /// </summary>
    /// <param name="asked">How many of the slots are the shard's.</param>
    /// <param name="slots">How many slots there are.</param>
    private static int Share(ItemQuery query, int asked, int slots)
    {
        if (query.Index is null)
            return query.Limit;
        var part = (double)asked / slots;
        var mean = query.Limit * part;
        return (int)Math.Min(query.Limit, Math.Ceiling(mean + (4 * Math.Sqrt(mean * (1 - part)))) + 4);
    }

    private static long BytesOf(IEnumerable<PagePart> parts) => parts.Sum(part => part.Rows.Sum(row => row.Bytes));

    private static ShardId[] InOrder(IEnumerable<ShardId> shards) =>
        [.. shards.Distinct().OrderBy(each => each.Value, StringComparer.Ordinal)];

    /// <param name="query">The page, or the rest of it.</param>
    /// <param name="slots">The slots of its items.</param>
    /// <param name="limit">How many items a shard may give, by the slots that it is asked for.</param>
    private delegate Task<Scattered<PagePart>> AskShards(ItemQuery query, SlotSet slots, Func<SlotSet, int> limit);
}

/// <param name="ReadUpTo">The next page begins behind this; null: there is none.</param>
/// <param name="Incomplete">The shards whose items are missing.</param>
internal sealed record QueryPage(
    IReadOnlyList<PageRow> Rows, SortKey? ReadUpTo, StopReason Stop, IReadOnlyList<ShardId> Shards, IReadOnlyList<ShardId> Incomplete,
    ShardFailure? Failure, ShardId FailedShard)
{
    /// <summary>How many slots at once the next page should begin with; 0: that is not known.</summary>
    public int SlotsAtOnce { get; init; }

    public static QueryPage Failed(ShardFailure failure, ShardId shard) => new([], null, StopReason.None, [], [], failure, shard);
}
