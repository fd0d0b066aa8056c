using System.Diagnostics;
using ShardRouter.Keys;
using ShardRouter.Routing;

namespace ShardRouter.Partitions;

/// <summary>Lists the partitions of a collection, page by page, over all shards.</summary>
/// <remarks>
/// The order is that of the index in each shard: by slot, and within a slot by key. So a page costs the same wherever it begins. An order
/// by key alone would need all keys of all shards for each page. The steps of a page:
/// 1. Ask the owners of the next slots for their next keys. Each slot is answered once, by the shard that owns it in the snapshot of the
///    answer; <see cref="SlotDispatch"/> asks again for slots that moved.
/// 2. Take keys in order, until the page is full or a shard had no room for more. Nothing is left out before that place.
/// 3. If the page is not full, and there is time left, go on with four times as many slots.
/// 4. Count the items of these keys, some partitions at a time. What there was no time to count comes with the next page.
/// A partition that is written while pages are read is in the list if it is there all the time, and it is never there twice.
/// </remarks>
internal sealed class PartitionLister(SlotDispatch dispatch)
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1000;

    private const int FirstProbes = 64;
    private const int MostProbes = 16 * 1024;
    private const int CountedTogether = 16;

    /// <param name="collection">The collection.</param>
    /// <param name="ranges">Which keys.</param>
    /// <param name="from">Where the page begins.</param>
    /// <param name="limit">The most partitions.</param>
    /// <param name="searchLimit">When that time is over, the page ends with what has been found.</param>
    /// <param name="deadline">Cancelled when the request's time is over.</param>
    public async Task<Routed<PartitionsPage>> ReadAsync(
        string collection, KeyRange[] ranges, PartitionPosition from, int limit, TimeSpan searchLimit, CancellationToken deadline)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var names = new List<PartitionName>();
        var position = from;
        for (var most = FirstProbes; names.Count < limit && !position.IsEnd; most = Math.Min(4 * most, MostProbes))
        {
            var probes = PartitionProbe.Next(ranges, position, most, out var behind);
            if (probes.Count > 0)
            {
                var answers = await dispatch.RunAsync(
                    probes, probe => probe.Slot,
                    (pool, some, stop) => pool.RunAsync(
                        "partitions", writes: false, call => KeysStatement.ExecuteAsync(call, collection, some, limit), stop),
                    deadline);
                if (Take(probes, answers, limit, names, ref behind) is { } failed)
                    return Routed<PartitionsPage>.Failed(failed.Failure!.Value, failed.Shard);
            }
            position = behind;
            if (Stopwatch.GetElapsedTime(startedAt) > searchLimit)
                break;
        }
        return await CountAsync(collection, names, position, searchLimit - Stopwatch.GetElapsedTime(startedAt), deadline);
    }

    /// <param name="behind">Where the next probes begin; it is set back if not all of these were taken.</param>
    /// <returns>The answer that has no keys but a failure; null: there is none, or the page ends before it.</returns>
    private static Routed<ProbedKeys>? Take(
        List<PartitionProbe> probes, Routed<ProbedKeys>[] answers, int limit, List<PartitionName> names, ref PartitionPosition behind)
    {
        for (var i = 0; i < probes.Count; i++)
        {
            if (answers[i].Failure is not null)
                return answers[i];
            foreach (var key in answers[i].Value!.Keys)
            {
                names.Add(new PartitionName(probes[i].Slot, key));
                if (names.Count == limit)
                {
                    behind = new PartitionPosition(probes[i].Slot.Value, KeyOrder.Behind(key));
                    return null;
                }
            }
            if (!answers[i].Value!.IsComplete)
                throw new InvalidOperationException("A shard ended its answer before the page was full.");
        }
        return null;
    }

    private async Task<Routed<PartitionsPage>> CountAsync(
        string collection, List<PartitionName> names, PartitionPosition behind, TimeSpan limit, CancellationToken deadline)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var counted = new List<CountedPartition>(names.Count);
        foreach (var some in names.Chunk(CountedTogether))
        {
            if (counted.Count > 0 && Stopwatch.GetElapsedTime(startedAt) > limit)
                return Routed<PartitionsPage>.Answer(
                    new PartitionsPage(counted, new PartitionPosition(some[0].Slot.Value, some[0].Key)), default);
            var sizes = await dispatch.RunAsync(
                some, name => name.Slot,
                (pool, asked, stop) => pool.RunAsync(
                    "partitions", writes: false, call => SizesStatement.ExecuteAsync(call, collection, asked), stop),
                deadline);
            if (Array.Find(sizes, each => each.Failure is not null) is { Failure: { } failure, Shard: var shard })
                return Routed<PartitionsPage>.Failed(failure, shard);
            counted.AddRange(some.Zip(sizes, (name, size) => new CountedPartition(name.Key, size.Value!.Items, size.Value.Bytes)));
        }
        return Routed<PartitionsPage>.Answer(new PartitionsPage(counted, behind.IsEnd ? null : behind), default);
    }
}

/// <param name="Partitions">Some may have no items: all of them have expired, or were deleted a moment ago.</param>
/// <param name="Next">Where the next page begins; null: there is none.</param>
internal sealed record PartitionsPage(IReadOnlyList<CountedPartition> Partitions, PartitionPosition? Next);

internal readonly record struct CountedPartition(string Key, long Items, long Bytes);
