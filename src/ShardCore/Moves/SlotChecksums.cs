using Npgsql;
using ShardCore.Ring;

namespace ShardCore.Moves;

/// <summary>
/// Count and checksum of each slot's rows, computed in the database: the sum of the rows' 64-bit hashes, so the order in
/// which they lie does not matter and one changed byte does.
/// </summary>
public static class SlotChecksums
{
    /// <summary>
    /// A row's 64-bit hash, of every column's value. Two spellings of one number in a document (1.5 and 1.50) are one value.
    /// </summary>
    public const string RowHash = "hash_record_extended(row(version, updated_at, expires_at, slot, collection, pk, id, doc), 0)";

    /// <summary>Of the rows of a group. As text: the sum of many is more than 64 bits, which sum(bigint) allows for.</summary>
    public const string OfRows = $"sum({RowHash})::text";

    // Slot by slot, so that the key's index is used whatever the planner believes of a table that is being filled just now:
    // asked for all at once it read the whole table, on several processors, for each batch.
    private const string Sql = $"""
        select asked.slot, found.rows, found.checksum
        from unnest($1) asked (slot)
        cross join lateral (select count(*) as rows, {OfRows} as checksum from sharding.item i where i.slot = asked.slot and i.version <= $2) found
        where found.rows > 0
        """;

    /// <param name="connection">In a transaction, where it matters of which moment the answer is.</param>
    /// <param name="versionFloor">Only rows up to this version; null: all.</param>
    internal static async Task<Dictionary<Slot, (long Rows, string Checksum)>> ReadAsync(
        NpgsqlConnection connection, IEnumerable<Slot> slots, long? versionFloor, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Sql, connection)
        {
            CommandTimeout = 0, // one slot may hold 10 GB
            Parameters =
            {
                new NpgsqlParameter<short[]> { TypedValue = MoveJournal.ToArray(slots) },
                new NpgsqlParameter<long> { TypedValue = versionFloor ?? long.MaxValue },
            },
        };
        var found = new Dictionary<Slot, (long, string)>();
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
            found[new Slot(reader.GetInt16(0))] = (reader.GetInt64(1), reader.GetString(2));
        return found;
    }

    /// <returns>The slots that differ, in slot order.</returns>
    internal static IReadOnlyList<Slot> Differences(Dictionary<Slot, (long Rows, string Checksum)> left, Dictionary<Slot, (long Rows, string Checksum)> right) =>
        [.. left.Keys.Union(right.Keys).Where(slot => !left.TryGetValue(slot, out var one) || !right.TryGetValue(slot, out var other) || one != other).Order()];
}
