using System.Globalization;
using System.Numerics;
using Npgsql;
using ShardCore.Collections;
using ShardCore.Moves.Copying;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardCore.Moves.HandingOver;

/// <summary>
/// Computes the count and the checksum of each slot's rows in the database. The checksum is the sum of the rows' 64-bit hashes. So the
/// order of the rows does not matter, and one changed byte does.
/// </summary>
public static class SlotChecksums
{
    /// <summary>
    /// The 64-bit hash of a row, over the value of every column. <c>sharding.keep_before_image</c> computes the same hash. Two spellings
    /// of one number in a document (1.5 and 1.50) are one value.
    /// </summary>
    public const string RowHash = "hash_record_extended(row(version, updated_at, expires_at, slot, collection, pk, id, doc), 0)";

    /// <summary>
    /// The checksum of a group of rows. It is text, because the sum of many hashes has more than 64 bits, for which sum(bigint) has room.
    /// </summary>
    public const string OfRows = $"sum({RowHash})::text";

    private static string Sql(ItemPartitionGroup group) => $"select slot, count(*), {OfRows} from {group.Rows} i where slot = any ($1) group by slot";

    // This is one statement for each group, so it has one snapshot: a writer changes a row and stores its hash in one transaction, and both
    // are of one collection.
    private static string AtHandOverSql(ItemPartitionGroup group) => $"""
        select slot, count(*), sum(hash)::text from (
            select slot, {RowHash} as hash from {group.Rows} i
            left join (select b.slot as kept, b.slot, b.collection, b.pk, b.id
                       from sharding.before_image b where b.slot = any ($1) and b.collection in ({group.Names})) b
                 using (slot, collection, pk, id)
            where slot = any ($1) and kept is null
            union all
            select slot, hash from sharding.before_image where slot = any ($1) and collection in ({group.Names}) and hash is not null) rows_
        group by slot
        """;

    /// <summary>Reads the checksums of the rows as they are now.</summary>
    public static Task<IReadOnlyDictionary<Slot, (long Rows, string Checksum)>> ReadAsync(
        NpgsqlConnection connection, IEnumerable<Slot> slots, CancellationToken cancellation) =>
        ReadAsync(connection, Sql, slots, cancellation);

    /// <summary>
    /// Reads, at a target, the checksums of the rows as they were when it became the owner. This works until the slots have been compared.
    /// </summary>
    public static Task<IReadOnlyDictionary<Slot, (long Rows, string Checksum)>> ReadAtHandOverAsync(
        NpgsqlConnection connection, IEnumerable<Slot> slots, CancellationToken cancellation) =>
        ReadAsync(connection, AtHandOverSql, slots, cancellation);

    /// <returns>The slots that differ, in slot order.</returns>
    public static IReadOnlyList<Slot> Differences(
        IReadOnlyDictionary<Slot, (long Rows, string Checksum)> left, IReadOnlyDictionary<Slot, (long Rows, string Checksum)> right) =>
        [.. left.Keys.Union(right.Keys)
            .Where(slot => !left.TryGetValue(slot, out var one) || !right.TryGetValue(slot, out var other) || one != other)
            .Order()];

    private static async Task<IReadOnlyDictionary<Slot, (long Rows, string Checksum)>> ReadAsync(
        NpgsqlConnection connection, Func<ItemPartitionGroup, string> sql, IEnumerable<Slot> slots, CancellationToken cancellation)
    {
        var found = new Dictionary<Slot, (long Rows, string Checksum)>();
        var asked = MoveJournal.ToArray(slots);
        foreach (var group in await ItemPartitions.GroupsAsync(connection, cancellation))
            foreach (var (slot, rows, checksum) in await ReadAsync(connection, sql(group), asked, cancellation))
                found[slot] = found.TryGetValue(slot, out var before)
                    ? (before.Rows + rows, Add(before.Checksum, checksum))
                    : (rows, checksum);
        return found;
    }

    /// <summary>The checksum of two groups of rows together.</summary>
    public static string Add(string one, string other) =>
        (BigInteger.Parse(one, CultureInfo.InvariantCulture) + BigInteger.Parse(other, CultureInfo.InvariantCulture))
            .ToString(CultureInfo.InvariantCulture);

    private static async Task<IReadOnlyList<(Slot Slot, long Rows, string Checksum)>> ReadAsync(
        NpgsqlConnection connection, string sql, short[] slots, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            Timeout = 0, // one slot may hold 10 GB
            BatchCommands =
            {
                PageOrder.Command(), // it is in one transaction with the next statement, whether one is open or not
                new NpgsqlBatchCommand(sql) { Parameters = { new NpgsqlParameter<short[]> { TypedValue = slots } } },
            },
        };
        var found = new List<(Slot, long, string)>();
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        await reader.NextResultAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
            found.Add((new Slot(reader.GetInt16(0)), reader.GetInt64(1), reader.GetString(2)));
        return found;
    }
}
