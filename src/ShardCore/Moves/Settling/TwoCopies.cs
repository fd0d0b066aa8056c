using Npgsql;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Settling;

/// <summary>
/// Counts how two shards' rows of the same slots differ, row by row. Both sides are read in the order of the key, so the memory does not
/// grow with the size of the slots.
/// </summary>
internal static class TwoCopies
{
    private const string RowsSql = $"""
        select convert_to(collection, 'UTF8'), convert_to(pk, 'UTF8'), convert_to(id, 'UTF8'), version, {SlotChecksums.RowHash}, updated_at
        from sharding.item where slot = $1 order by collection, pk, id
        """;

    public static async Task<SettlementView> CompareAsync(
        ShardDatabase source, ShardDatabase target, IEnumerable<Slot> slots, ImportWord word, CancellationToken cancellation)
    {
        await using var from = await source.OpenAsync(cancellation);
        await using var to = await target.OpenAsync(cancellation);
        var view = new SettlementView(word, 0, 0, 0, 0, 0, null, null);
        foreach (var slot in slots.Order())
            view = await AddAsync(view, from, to, slot, cancellation);
        return view;
    }

    private static async Task<SettlementView> AddAsync(
        SettlementView view, NpgsqlConnection from, NpgsqlConnection to, Slot slot, CancellationToken cancellation)
    {
        await using var left = await RowReader.OpenAsync(from, slot, cancellation);
        await using var right = await RowReader.OpenAsync(to, slot, cancellation);
        while (left.Current is not null || right.Current is not null)
        {
            var order = RowReader.Compare(left.Current, right.Current);
            view = (order, left.Current, right.Current) switch
            {
                ( < 0, { } one, _) =>
                    view with { OnlyAtSource = view.OnlyAtSource + 1, LastAtSource = Later(view.LastAtSource, one.UpdatedAt) },
                ( > 0, _, { } other) =>
                    view with { OnlyAtTarget = view.OnlyAtTarget + 1, LastAtTarget = Later(view.LastAtTarget, other.UpdatedAt) },
                var (_, one, other) => Both(view, one!, other!),
            };
            if (order <= 0)
                await left.NextAsync(cancellation);
            if (order >= 0)
                await right.NextAsync(cancellation);
        }
        return view;
    }

    private static SettlementView Both(SettlementView view, Row one, Row other)
    {
        var seen = view with
        {
            LastAtSource = Later(view.LastAtSource, one.UpdatedAt),
            LastAtTarget = Later(view.LastAtTarget, other.UpdatedAt),
        };
        return one.Hash == other.Hash ? seen with { Same = seen.Same + 1 }
            : one.Version > other.Version ? seen with { NewerAtSource = seen.NewerAtSource + 1 }
            : seen with { NewerAtTarget = seen.NewerAtTarget + 1 };
    }

    private static DateTime Later(DateTime? one, DateTime other) => one > other ? one.Value : other;

    private sealed record Row(byte[][] Key, long Version, long Hash, DateTime UpdatedAt);

    /// <summary>One side's rows of a slot, one at a time.</summary>
    private sealed class RowReader(NpgsqlCommand command, NpgsqlDataReader reader) : IAsyncDisposable
    {
        /// <summary>The present row; null: there is no further row.</summary>
        public Row? Current { get; private set; }

        public static async Task<RowReader> OpenAsync(NpgsqlConnection connection, Slot slot, CancellationToken cancellation)
        {
            var command = new NpgsqlCommand(RowsSql, connection)
            {
                CommandTimeout = 0,
                Parameters = { new NpgsqlParameter<short> { TypedValue = (short)slot.Value } },
            };
            var rows = new RowReader(command, await command.ExecuteReaderAsync(cancellation));
            await rows.NextAsync(cancellation);
            return rows;
        }

        public async Task NextAsync(CancellationToken cancellation) => Current = !await reader.ReadAsync(cancellation) ? null : new Row(
            [reader.GetFieldValue<byte[]>(0), reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<byte[]>(2)], reader.GetInt64(3),
            reader.GetInt64(4), reader.GetDateTime(5));

        /// <summary>
        /// Compares the bytes of two keys, as the database orders under the collation "C". A missing row comes behind every row.
        /// </summary>
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
}
