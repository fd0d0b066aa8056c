using System.Globalization;
using System.Text;
using Npgsql;
using ShardRouter.Items;
using ShardRouter.Payload;
using ShardRouter.Queries.Costs;
using ShardRouter.Refusals;
using ShardRouter.Shards;

namespace ShardRouter.Queries;

/// <summary>Asks one shard for its part of a page.</summary>
internal static class PageStatement
{
    private const int EnvelopeBytes = 204; // of one item: names, etag, times

    /// <param name="call">The session.</param>
    /// <param name="query">The page.</param>
    /// <param name="asked">The slots that this shard should answer for.</param>
    /// <param name="mostBytes">The shard's part ends before the item that would make it larger than this, but for the first.</param>
    /// <param name="share">The request's.</param>
    /// <param name="meter">The request's.</param>
    /// <exception cref="ProblemException">overloaded.</exception>
    public static Task<Covered<PagePart>> ExecuteAsync(
        ShardCall call, ItemQuery query, SlotSet asked, long mostBytes, PayloadShare share, QueryMeter meter) => CollectionSql.ReadAsync(
        call.Session, query.Items.Collection, table => ExecuteAsync(call, table, query, asked, mostBytes, share, meter));

    private static async Task<Covered<PagePart>> ExecuteAsync(
        ShardCall call, string table, ItemQuery query, SlotSet asked, long mostBytes, PayloadShare share, QueryMeter meter)
    {
        await using var command = call.Connection.CreateCommand();
        command.CommandText = new PageSql(new ItemsSql(command, table, query.Index), query).Build(asked);
        await call.Session.Queries.PrepareAsync(command);
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        var (slots, rows, bytes, last) = ((string?)null, new List<PageRow>(), 0L, (SortKey?)null);
        var (end, scanned) = ((PagePart?)null, new ScannedItems(meter));
        while (await reader.ReadAsync(CancellationToken.None))
        {
            scanned.Are(reader.GetInt64(reader.FieldCount - 1), rows.Count);
            slots ??= reader.IsDBNull(0) ? null : reader.GetString(0);
            if (reader.IsDBNull(1) || end is not null)
                continue; // no item: the row tells the shard's slots, or how many items it has looked at
            var key = KeyAt(reader, query.Order.Count);
            RequireOrder(query, last, last = key);
            var isLast = reader.GetBoolean(8);
            if (rows.Count == query.Limit)
                end = new PagePart(rows, rows[^1].Key, StopReason.Limit);
            else if (reader.IsDBNull(7)) // the search ended at this item, which is not one of those that are wanted
                end = new PagePart(rows, key, StopReason.Budget);
            if (end is not null)
                continue; // at most a page of rows without documents is left
            var row = new PageRow(
                key, reader.GetInt64(4), reader.GetDateTime(5), reader.IsDBNull(6) ? null : reader.GetDateTime(6),
                reader.GetFieldValue<byte[]>(7));
            bytes += row.Bytes;
            var hasRoom = share.TryTake(row.Bytes);
            if (!hasRoom || (bytes > mostBytes && rows.Count > 0))
            {
                await call.EndStatementAsync(); // the rest may be hundreds of large documents, and is not wanted
                await reader.DisposeEndedAsync();
                return rows.Count > 0
                    ? new Covered<PagePart>(ItemsSql.SlotsOf(slots, asked), new PagePart(rows, rows[^1].Key, StopReason.Bytes))
                    : throw new ProblemException(Problems.RouterOverloaded());
            }
            rows.Add(row);
            if (isLast)
                end = new PagePart(rows, key, StopReason.Budget);
        }
        return new Covered<PagePart>(ItemsSql.SlotsOf(slots, asked), end ?? new PagePart(rows, null, StopReason.None));
    }

    /// <summary>
    /// SQL promises no order of rows that several ranges of an index give one after the other, though Postgres gives them so. A page in
    /// another order would lack items.
    /// </summary>
    private static void RequireOrder(ItemQuery query, SortKey? before, SortKey key)
    {
        if (before is not null && SortKey.Compare(before, key, query.Order) >= 0)
            throw new InvalidOperationException("A shard gave the items of a page in another order than the query's.");
    }

    private static SortKey KeyAt(NpgsqlDataReader reader, int fields)
    {
        var values = new SortValue[fields];
        for (var i = 0; i < fields; i++)
        {
            var rank = reader.GetInt16(9 + (3 * i));
            values[i] = new SortValue(rank, rank == SortValue.Rest ? "" : reader.GetString((rank == SortValue.String ? 11 : 10) + (3 * i)));
        }
        return new SortKey(values, reader.GetInt16(1), reader.GetString(2), reader.GetString(3));
    }

    /// <summary>An item of a page.</summary>
    internal sealed record PageRow(SortKey Key, long Version, DateTime UpdatedAt, DateTime? ExpiresAt, byte[] Doc)
    {
        public long Bytes => EnvelopeBytes + (2L * (Key.PartitionKey.Length + Key.Id.Length)) + Doc.Length;
    }

    /// <summary>A shard's part of a page.</summary>
    /// <param name="ReadUpTo">The shard has, or may have, more behind this; null: it has no more.</param>
    internal sealed record PagePart(IReadOnlyList<PageRow> Rows, SortKey? ReadUpTo, StopReason Stop)
    {
        /// <summary>What is behind the key is read anew, by somebody else.</summary>
        public PagePart UpTo(SortKey end, IReadOnlyList<SortField> order) =>
            new([.. Rows.TakeWhile(row => SortKey.Compare(row.Key, end, order) <= 0)], null, StopReason.None);
    }
}

/// <summary>Why a page ends where it does.</summary>
internal enum StopReason
{
    /// <summary>There is no more.</summary>
    None,

    /// <summary>It has as many items as were asked for.</summary>
    Limit,

    /// <summary>It has as many bytes as a page may have.</summary>
    Bytes,

    /// <summary>The time to search was over.</summary>
    Budget,
}
