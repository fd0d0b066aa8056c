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
    /// A row's 64-bit hash, of every column's value. Two spellings of one number in a document (1.5 and 1.50) are one value.
    /// </summary>
    public const string RowHash = "hash_record_extended(row(version, updated_at, expires_at, slot, collection, pk, id, doc), 0)";

    /// <summary>Of the rows of a group. As text: the sum of many is more than 64 bits, which sum(bigint) allows for.</summary>
    public const string OfRows = $"sum({RowHash})::text";

    private const string Sql = $"select slot, count(*), {OfRows} from sharding.item where slot = any ($1) and version <= $2 group by slot";

    /// <param name="connection">In a transaction, where it matters of which moment the answer is.</param>
    /// <param name="versionFloor">Only rows up to this version; null: all.</param>
    internal static async Task<Dictionary<Slot, (long Rows, string Checksum)>> ReadAsync(
        NpgsqlConnection connection, IEnumerable<Slot> slots, long? versionFloor, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            Timeout = 0, // one slot may hold 10 GB
            BatchCommands =
            {
                PageOrder.Command(), // in one transaction with what follows, whether one is open or not
                new NpgsqlBatchCommand(Sql)
                {
                    Parameters =
                    {
                        new NpgsqlParameter<short[]> { TypedValue = MoveJournal.ToArray(slots) },
                        new NpgsqlParameter<long> { TypedValue = versionFloor ?? long.MaxValue },
                    },
                },
            },
        };
        var found = new Dictionary<Slot, (long, string)>();
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        await reader.NextResultAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
            found[new Slot(reader.GetInt16(0))] = (reader.GetInt64(1), reader.GetString(2));
        return found;
    }

    /// <returns>The slots that differ, in slot order.</returns>
    internal static IReadOnlyList<Slot> Differences(Dictionary<Slot, (long Rows, string Checksum)> left, Dictionary<Slot, (long Rows, string Checksum)> right) =>
        [.. left.Keys.Union(right.Keys).Where(slot => !left.TryGetValue(slot, out var one) || !right.TryGetValue(slot, out var other) || one != other).Order()];
}
