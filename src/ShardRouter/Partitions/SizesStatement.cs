using Npgsql;
using ShardCore.Ring;
using ShardRouter.Items;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Partitions;

/// <summary>Counts the items of some partitions of one shard. Expired items do not count.</summary>
internal static class SizesStatement
{
    /// <summary>
    /// What a row takes beside its keys and its document: row header, times, and the entry in the index. The document counts as it is
    /// stored, so compressed if it is large.
    /// </summary>
    private static string Sql(string table) => $"""
        select k.ord::integer, o.state, o.peer, o.epoch, m.items, m.bytes
        from unnest($1, $2) with ordinality as k (slot, pk, ord)
        left join sharding.slot_ownership o on o.slot = k.slot
        left join lateral (
            select count(*) as items,
                   coalesce(sum(96 + 2 * (octet_length(i.pk) + octet_length(i.id)) + pg_column_size(i.doc)), 0)::bigint as bytes
            from {table} i
            where i.slot = k.slot and i.collection = $3 and i.pk = k.pk and (i.expires_at is null or i.expires_at > clock_timestamp())
        ) m on o.state in ('owned', 'frozen')
        """;

    public static Task<Fenced<PartitionSize>[]> ExecuteAsync(ShardCall call, string collection, IReadOnlyList<PartitionName> partitions) =>
        CollectionSql.ReadAsync(call.Session, collection, table => ExecuteAsync(call, table, collection, partitions));

    private static async Task<Fenced<PartitionSize>[]> ExecuteAsync(
        ShardCall call, string table, string collection, IReadOnlyList<PartitionName> partitions)
    {
        await using var command = new NpgsqlCommand(Sql(table), call.Connection)
        {
            Parameters =
            {
                new NpgsqlParameter<short[]> { TypedValue = [.. partitions.Select(each => (short)each.Slot.Value)] },
                new NpgsqlParameter<string[]> { TypedValue = [.. partitions.Select(each => each.Key)] },
                new NpgsqlParameter<string> { TypedValue = collection },
            },
        };
        var answers = new Fenced<PartitionSize>[partitions.Count];
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        while (await reader.ReadAsync(CancellationToken.None))
        {
            var state = reader.IsDBNull(1) ? null : reader.GetString(1);
            answers[reader.GetInt32(0) - 1] = FenceRefusal.Allows(state, writes: false)
                ? Fenced<PartitionSize>.Answer(new PartitionSize(reader.GetInt64(4), reader.GetInt64(5)))
                : Fenced<PartitionSize>.Refused(new FenceRefusal(
                    state, reader.IsDBNull(2) ? null : reader.GetString(2), reader.IsDBNull(3) ? null : reader.GetInt64(3)));
        }
        return answers;
    }
}

internal readonly record struct PartitionName(Slot Slot, string Key);

/// <param name="Items">How many items it has.</param>
/// <param name="Bytes">About how much they take in the shard.</param>
internal sealed record PartitionSize(long Items, long Bytes);
