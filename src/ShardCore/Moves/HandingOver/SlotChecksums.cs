using Npgsql;
using ShardCore.Moves.Copying;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardCore.Moves.HandingOver;

/// <summary>
/// Count and checksum of each slot's rows, computed in the database: the sum of the rows' 64-bit hashes, so the order in
/// which they lie does not matter and one changed byte does.
/// </summary>
public static class SlotChecksums
{
    /// <summary>
    /// A row's 64-bit hash, of every column's value, as <c>sharding.keep_before_image</c> has it too. Two spellings of one number in a
    /// document (1.5 and 1.50) are one value.
    /// </summary>
    public const string RowHash = "hash_record_extended(row(version, updated_at, expires_at, slot, collection, pk, id, doc), 0)";

    /// <summary>Of the rows of a group. As text: the sum of many is more than 64 bits, which sum(bigint) allows for.</summary>
    public const string OfRows = $"sum({RowHash})::text";

    private const string Sql = $"select slot, count(*), {OfRows} from sharding.item where slot = any ($1) group by slot";

    // One statement, so one snapshot: a writer changes the row and keeps its hash in one transaction.
    private const string AtHandOverSql = $"""
        select slot, count(*), sum(hash)::text from (
            select slot, {RowHash} as hash from sharding.item
            left join (select b.slot as kept, b.slot, b.collection, b.pk, b.id from sharding.before_image b where b.slot = any ($1)) b using (slot, collection, pk, id)
            where slot = any ($1) and kept is null
            union all
            select slot, hash from sharding.before_image where slot = any ($1) and hash is not null) rows_
        group by slot
        """;

    /// <summary>The rows as they are now.</summary>
    public static Task<IReadOnlyDictionary<Slot, (long Rows, string Checksum)>> ReadAsync(NpgsqlConnection connection, IEnumerable<Slot> slots, CancellationToken cancellation) =>
        ReadAsync(connection, Sql, slots, cancellation);

    /// <summary>At a target, the rows as they were when it came to own the slots; while they have not been compared.</summary>
    public static Task<IReadOnlyDictionary<Slot, (long Rows, string Checksum)>> ReadAtHandOverAsync(NpgsqlConnection connection, IEnumerable<Slot> slots, CancellationToken cancellation) =>
        ReadAsync(connection, AtHandOverSql, slots, cancellation);

    /// <returns>The slots that differ, in slot order.</returns>
    public static IReadOnlyList<Slot> Differences(IReadOnlyDictionary<Slot, (long Rows, string Checksum)> left, IReadOnlyDictionary<Slot, (long Rows, string Checksum)> right) =>
        [.. left.Keys.Union(right.Keys).Where(slot => !left.TryGetValue(slot, out var one) || !right.TryGetValue(slot, out var other) || one != other).Order()];

    private static async Task<IReadOnlyDictionary<Slot, (long Rows, string Checksum)>> ReadAsync(NpgsqlConnection connection, string sql, IEnumerable<Slot> slots, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            Timeout = 0, // one slot may hold 10 GB
            BatchCommands =
            {
                PageOrder.Command(), // in one transaction with what follows, whether one is open or not
                new NpgsqlBatchCommand(sql) { Parameters = { new NpgsqlParameter<short[]> { TypedValue = MoveJournal.ToArray(slots) } } },
            },
        };
        var found = new Dictionary<Slot, (long, string)>();
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        await reader.NextResultAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
            found[new Slot(reader.GetInt16(0))] = (reader.GetInt64(1), reader.GetString(2));
        return found;
    }
}
