using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.HandingOver;

/// <summary>
/// Compares the rows that a source gave away, which do not change any more, with those of the new owner, which has taken
/// writes since.
/// </summary>
/// <remarks>
/// <para>Whatever the target wrote has a version above the floor of the release. So its rows up to the floor are as they were
/// brought, and each must be at the source, equal. First by checksum, a slot at a time; only where that differs, because a
/// row was changed or deleted since, row by row, both sides read in the order of the key: the memory does not grow with the slot.</para>
/// <para>What cannot be known. A row that only the source has was deleted at the target since, by a client or because it
/// expired, or it never came there: a deletion leaves nothing behind that could tell. It is counted, and is no difference.
/// A row that was written anew at the target says nothing of what was brought. The order of the move speaks for both (the
/// marker was applied before the release, every change touched exactly one row); a target that is compared as of the
/// hand-over, by a snapshot, needs none of this.</para>
/// <para>The source must not be cleaned meanwhile.</para>
/// </remarks>
public static class HandOverComparison
{
    private const string RowsSql = $"""
        select convert_to(collection, 'UTF8'), convert_to(pk, 'UTF8'), convert_to(id, 'UTF8'), version, {SlotChecksums.RowHash}
        from sharding.item where slot = $1 order by collection, pk, id
        """;

    /// <param name="versionFloor">Of the release.</param>
    public static async Task<HandOverFindings> RunAsync(
        NpgsqlDataSource source, NpgsqlDataSource target, IReadOnlyCollection<Slot> slots, long versionFloor, CancellationToken cancellation)
    {
        await using var from = await source.OpenAsync(cancellation);
        await using var to = await target.OpenAsync(cancellation);
        var given = await SlotChecksums.ReadAsync(from, slots, null, cancellation);
        var taken = await SlotChecksums.ReadAsync(to, slots, versionFloor, cancellation);
        var (differing, missing) = (new List<Slot>(), 0L);
        foreach (var slot in SlotChecksums.Differences(given, taken))
        {
            var (differs, absent) = await CompareAsync(from, to, slot, versionFloor, cancellation);
            missing += absent;
            if (differs)
                differing.Add(slot);
        }
        return new HandOverFindings(given.Values.Sum(each => each.Rows), differing, missing);
    }

    private static async Task<(bool Differs, long Missing)> CompareAsync(
        NpgsqlConnection from, NpgsqlConnection to, Slot slot, long versionFloor, CancellationToken cancellation)
    {
        await using var given = await RowReader.OpenAsync(from, RowsSql, slot, cancellation);
        await using var taken = await RowReader.OpenAsync(to, RowsSql, slot, cancellation);
        var (differs, missing) = (false, 0L);
        while (given.Current is not null || taken.Current is not null)
        {
            var order = RowReader.Compare(given.Current, taken.Current);
            if (order < 0)
                missing++;
            else if (taken.Current!.Version <= versionFloor && (order > 0 || given.Current!.Hash != taken.Current.Hash))
                differs = true;
            if (order <= 0)
                await given.NextAsync(cancellation);
            if (order >= 0)
                await taken.NextAsync(cancellation);
        }
        return (differs, missing);
    }

    /// <summary>One side's rows, one at a time.</summary>
    private sealed class RowReader(NpgsqlCommand command, NpgsqlDataReader reader) : IAsyncDisposable
    {
        /// <summary>Null: behind the last.</summary>
        public Row? Current { get; private set; }

        public static async Task<RowReader> OpenAsync(NpgsqlConnection connection, string sql, Slot slot, CancellationToken cancellation)
        {
            var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0, Parameters = { new NpgsqlParameter<short> { TypedValue = (short)slot.Value } } };
            var rows = new RowReader(command, await command.ExecuteReaderAsync(cancellation));
            await rows.NextAsync(cancellation);
            return rows;
        }

        public async Task NextAsync(CancellationToken cancellation) => Current = !await reader.ReadAsync(cancellation) ? null : new Row(
            [reader.GetFieldValue<byte[]>(0), reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<byte[]>(2)], reader.GetInt64(3), reader.GetInt64(4));

        /// <summary>By bytes, as the database orders under the collation "C"; the end comes behind everything.</summary>
        public static int Compare(Row? left, Row? right)
        {
            if (left is null || right is null)
                return left is null ? 1 : -1;
            for (var part = 0; part < left.Key.Length; part++)
                if (left.Key[part].AsSpan().SequenceCompareTo(right.Key[part]) is var order and not 0)
                    return order;
            return 0;
        }

        public async ValueTask DisposeAsync()
        {
            await reader.DisposeAsync();
            await command.DisposeAsync();
        }
    }

    private sealed record Row(byte[][] Key, long Version, long Hash);
}
