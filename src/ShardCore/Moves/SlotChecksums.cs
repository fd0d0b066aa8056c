using Npgsql;
using ShardCore.Ring;

namespace ShardCore.Moves;

/// <summary>
/// Count and checksum of each slot's rows, computed in the database: the sum of the rows' 64-bit hashes, so the order in
/// which they lie does not matter and one changed byte does.
/// </summary>
internal static class SlotChecksums
{
    private const string Sql = """
        select slot, count(*), sum(hash_record_extended(row(version, updated_at, expires_at, slot, collection, pk, id, doc), 0)::numeric)::text
        from sharding.item where slot = any ($1) group by slot
        """;

    /// <param name="connection">In a transaction, where it matters of which moment the answer is.</param>
    public static async Task<Dictionary<Slot, (long Rows, string Checksum)>> ReadAsync(NpgsqlConnection connection, IEnumerable<Slot> slots, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Sql, connection) { CommandTimeout = 0, Parameters = { new NpgsqlParameter<short[]> { TypedValue = MoveJournal.ToArray(slots) } } };
        var found = new Dictionary<Slot, (long, string)>();
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
            found[new Slot(reader.GetInt16(0))] = (reader.GetInt64(1), reader.GetString(2));
        return found;
    }

    /// <returns>The slots that differ, in slot order.</returns>
    public static IReadOnlyList<Slot> Differences(Dictionary<Slot, (long, string)> left, Dictionary<Slot, (long, string)> right) =>
        [.. left.Keys.Union(right.Keys).Where(slot => !left.TryGetValue(slot, out var one) || !right.TryGetValue(slot, out var other) || one != other).Order()];
}
