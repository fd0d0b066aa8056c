using ShardCore.Ring;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Queries.Costs;
using ShardRouter.Refusals;
using static ShardRouter.Queries.PageStatement;

namespace ShardRouter.Queries;

/// <summary>Reads a page in the order of slot, pk and id, over all shards.</summary>
/// <remarks>
/// Every shard has slots at every place of this order. If all of them gave a whole page, all but one of these pages would be thrown away.
/// So a page takes the slots in their order, in rounds:
/// 1. The owners of the next slots are asked, each for as many items as the page has still room for.
/// 2. If the page is not full, the next round has as many slots as should fill it, by what the slots so far had, and a quarter more. It has
///    at most <see cref="MostGrowth"/> times the slots of the round before, and just so many if that found nothing. So an empty collection
///    takes six rounds.
/// 3. The page ends early when its rounds took a quarter of the time to search: the next one may take four times as long as the last.
///    That happens where bounds or the caller's partitions leave out most items.
/// 4. The cursor tells how many slots the page took, and the next page begins with so many, and a quarter more.
/// Within a round a shard gives no more than a page. So a round costs at most what asking all shards costs, whatever the guess was.
/// </remarks>
internal sealed class ScanReader(Scatter scatter, TimeProvider time)
{
    private const int FirstSlots = 16;
    private const int MostGrowth = 4;

    /// <param name="query">The page; it has no order and no filter.</param>
    /// <param name="slots">The slots of the items.</param>
    /// <param name="before">Called for each shard each time before it is asked.</param>
    /// <param name="partial">True: shards that fail are left out.</param>
    /// <param name="share">The request's.</param>
    /// <param name="meter">The request's.</param>
    /// <param name="deadline">The request's.</param>
    /// <exception cref="ProblemException">overloaded.</exception>
    public async Task<QueryPage> ReadAsync(
        ItemQuery query, SlotSet slots, BeforeShard before, bool partial, PayloadShare share, QueryMeter meter,
        CancellationToken deadline)
    {
        using var turn = scatter.Enter();
        var startedAt = time.GetTimestamp();
        var wanted = query.After is { } after ? slots.And(SlotSet.Range(after.Slot, Slot.Count)) : slots;
        var (left, atOnce, read) = (wanted, query.SlotsAtOnce > 0 ? query.SlotsAtOnce : FirstSlots, new Read());
        while (!left.IsEmpty)
        {
            var asked = left.Take(atOnce);
            var round = query with { Limit = query.Limit - read.Rows };
            var mostBytes = PageMerge.MostPageBytes - read.Bytes;
            var answer = await scatter.RunInTurnAsync(
                "scan", asked, before, (call, some) => ExecuteAsync(call, round, some, mostBytes, share, meter), partial, meter, deadline);
            if (answer.Failure is { } failure)
                return QueryPage.Failed(failure, answer.FailedShard);
            read.Add(answer, asked.Count);
            left = left.Minus(asked);
            if (read.HasEnded || read.Rows >= query.Limit || read.Bytes >= PageMerge.MostPageBytes
                || time.GetElapsedTime(startedAt) > query.ScanLimit / MostGrowth)
                break;
            atOnce = Next(atOnce, query.Limit - read.Rows, read);
        }
        var page = End(query, wanted, left, PageMerge.Merge(query, read.Parts));
        share.GiveBack(read.Bytes - page.Rows.Sum(row => row.Bytes));
        return page with
        {
            Shards = [.. read.Shards.OrderBy(each => each.Value, StringComparer.Ordinal)],
            Incomplete = [.. read.Incomplete.OrderBy(each => each.Value, StringComparer.Ordinal)],
        };
    }

    /// <param name="atOnce">How many slots the last round had.</param>
    /// <param name="missing">For how many items the page has still room.</param>
    /// <param name="read">What all rounds have found.</param>
    private static int Next(int atOnce, int missing, Read read) => (int)Math.Min(
        read.LastRows == 0 ? Slot.Count : (5L * missing * read.Slots / (4L * read.Rows)) + 1, (long)atOnce * MostGrowth);

    /// <summary>
    /// If no part says where the page ends, it ends behind its rounds. The place before the first item of the next slot is the key of no
    /// item: its texts are empty.
    /// </summary>
    private static QueryPage End(ItemQuery query, SlotSet wanted, SlotSet left, QueryPage page)
    {
        if (page.ReadUpTo is null && !left.IsEmpty)
            page = page with
            {
                ReadUpTo = new SortKey([], (short)left.First().Value, "", ""),
                Stop = page.Rows.Count == query.Limit ? StopReason.Limit : StopReason.Budget,
            };
        var took = page is { ReadUpTo: { } end, Stop: not StopReason.Budget } ? wanted.CountUpTo(end.Slot) : 0;
        return page with { SlotsAtOnce = Math.Min(took + (took / 4), Slot.Count) };
    }

    /// <summary>What the rounds of a page have found.</summary>
    private sealed class Read
    {
        public List<PagePart> Parts { get; } = [];

        public HashSet<ShardId> Shards { get; } = [];

        public HashSet<ShardId> Incomplete { get; } = [];

        public int Rows { get; private set; }

        /// <summary>Those of the last round.</summary>
        public int LastRows { get; private set; }

        public long Bytes { get; private set; }

        public int Slots { get; private set; }

        /// <summary>A shard has more behind its part, or may have more.</summary>
        public bool HasEnded { get; private set; }

        public void Add(Scattered<PagePart> answer, int slots)
        {
            Slots += slots;
            LastRows = answer.Answers.Sum(each => each.Value.Rows.Count);
            Rows += LastRows;
            Incomplete.UnionWith(answer.Incomplete);
            foreach (var (shard, _, part) in answer.Answers)
            {
                Parts.Add(part);
                Shards.Add(shard);
                Bytes += part.Rows.Sum(row => row.Bytes);
                HasEnded |= part.ReadUpTo is not null;
            }
        }
    }
}
