using Dapper;
using Npgsql;
using ShardCore.Collections;
using ShardCore.Moves.HandingOver;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Verifying;

/// <summary>
/// Reads the rows of one shard once. For each slot it finds the number of rows, their checksum, and whether their keys belong to the slot.
/// </summary>
/// <remarks>
/// One transaction reads a range of slots: checksum, placement and ownership come from the same snapshot. A slot that is handed over
/// meanwhile is seen completely before or completely after the hand-over. Measured on one core with Postgres 15, for each row: 0.3 µs to
/// read it, 0.7 µs to hash it, 0.9 µs to compute the slot of its key in this statement (1.5 µs with slot_of, which is PL/pgSQL).
/// </remarks>
internal sealed class SlotScanner(ShardDatabase source, ShardId shard, int connections)
{
    private const string Group = "group_"; // a savepoint

    /// <summary>
    /// The approximate number of rows in a range. A statement then takes about a second: an interrupted run loses little, and the progress
    /// bar moves.
    /// </summary>
    private const long RangeRows = 400_000;

    private static string Sql(ItemPartitionGroup group) => $"""
        select g.slot::integer as Slot, o.state as State, g.n as Rows, g.checksum as Checksum, g.misplaced as Misplaced,
               g.example as Example
        from (select slot, count(*) as n, {SlotChecksums.OfRows} as checksum, count(*) filter (where belongs <> slot) as misplaced,
                     min(pk) filter (where belongs <> slot) as example
              from (select *, (get_byte(digest, 0) << 6) | (get_byte(digest, 1) >> 2) as belongs
                    -- "offset 0" keeps Postgres from computing the digest twice, once for each of the two bytes.
                    from (select *, sha256(convert_to(pk, 'UTF8')) as digest from {group.Rows} i
                          where slot between @first and @last offset 0) hashed) placed
              group by slot) g
        left join sharding.slot_ownership o on o.slot = g.slot
        order by g.slot
        """;

    /// <param name="slots">The slots to scan; null: all rows, also those whose number is not that of a slot.</param>
    /// <param name="known">The ranges that an earlier run has scanned.</param>
    /// <param name="done">Called for each range, one at a time.</param>
    /// <param name="advance">Called with the number of slots that were scanned.</param>
    public async Task RunAsync(
        IReadOnlyList<Slot>? slots, IReadOnlyCollection<ScannedRange> known, Func<ScannedRange, Task> done, Action<double> advance,
        CancellationToken cancellation)
    {
        var ranges = await RangesAsync(slots, known, cancellation);
        advance((slots?.Count ?? Slot.Count) - ranges.Sum(range => IsOfSlots(range) ? range.Last - range.First + 1 : 0));
        using var gate = new SemaphoreSlim(1);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = connections, CancellationToken = cancellation };
        await Parallel.ForEachAsync(ranges, parallel, async (range, token) =>
        {
            var scanned = await ScanAsync(range.First, range.Last, token);
            await gate.WaitAsync(token);
            try
            {
                await done(scanned);
            }
            finally
            {
                gate.Release();
            }
            if (IsOfSlots(range))
                advance(range.Last - range.First + 1);
        });
    }

    private async Task<IReadOnlyList<(int First, int Last)>> RangesAsync(
        IReadOnlyList<Slot>? slots, IReadOnlyCollection<ScannedRange> known, CancellationToken cancellation)
    {
        var finished = known.SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1)).ToHashSet();
        var step = await RangeSlotsAsync(cancellation);
        var ranges = new List<(int First, int Last)>();
        if (slots is null)
            ranges.AddRange(((int First, int Last)[])[(short.MinValue, -1), (Slot.Count, short.MaxValue)]);
        var left = (slots ?? [.. Slot.All]).Select(slot => (int)slot.Value).Where(slot => !finished.Contains(slot));
        foreach (var (first, last) in SlotRuns.Of(left))
            for (var from = first; from <= last; from += step)
                ranges.Add((from, Math.Min(last, from + step - 1)));
        return [.. ranges.Where(range => !finished.Contains(range.First))];
    }

    /// <summary>
    /// How many slots a range has, according to the table's statistics. There must not be many ranges: if the rows are not stored in the
    /// order of slots, each range reads the whole table.
    /// </summary>
    private async Task<int> RangeSlotsAsync(CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        var rows = await connection.ExecuteScalarAsync<double>(new CommandDefinition(
            $"select coalesce({ItemPartitions.EstimatedRows}, 0)::float8", cancellationToken: cancellation));
        return (int)Math.Clamp(Slot.Count * RangeRows / Math.Max(rows, 1), 16, Slot.Count / (2.0 * connections));
    }

    private async Task<ScannedRange> ScanAsync(int first, int last, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellation);
        var groups = await ItemPartitions.GroupsAsync(connection, cancellation);
        var found = new SortedDictionary<int, ScannedSlot>();
        foreach (var group in groups)
        {
            await transaction.SaveAsync(Group, cancellation);
            var slots = await connection.QueryAsync<ScannedSlot>(new CommandDefinition( // without a timeout: one slot may have 10 GB
                Sql(group), new { first = (short)first, last = (short)last }, transaction, commandTimeout: 0, cancellationToken: cancellation));
            foreach (var slot in slots)
                found[slot.Slot] = found.TryGetValue(slot.Slot, out var before) ? before.With(slot) : slot;
            await transaction.RollbackAsync(Group, cancellation); // gives the locks of the group free
        }
        return new ScannedRange(shard.Value, first, last, [.. found.Values]);
    }

    private static bool IsOfSlots((int First, int Last) range) => range.First >= 0 && range.Last < Slot.Count;
}
