using Npgsql;
using ShardRouter.Items;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Partitions;

/// <summary>Finds the next partition keys of one shard, by one statement.</summary>
/// <remarks>
/// The statement goes from key to key through the index: a look-up for each partition, however many items it has. A look-up never has the
/// end of the range in its condition: Postgres would not bound the index scan by it, and would read all that lies behind. Ownership and
/// keys are of one snapshot. The rows of slots that are not here come first; the keys follow in the order of the probes, because nested
/// loops keep the outer order.
/// </remarks>
internal static class KeysStatement
{
    private static string Sql(string table) => $"""
        with recursive probe as materialized (
            select p.ord::integer, p.slot, p.first, p.behind, o.state, o.peer, o.epoch
            from unnest($1, $2, $3) with ordinality as p (slot, first, behind, ord)
            left join sharding.slot_ownership o on o.slot = p.slot
            order by p.ord
        )
        (select ord, state, peer, epoch, null::text as pk from probe where state is null or state not in ('owned', 'frozen'))
        union all
        (select p.ord, p.state, p.peer, p.epoch, key.pk
         from (select * from probe where state in ('owned', 'frozen') order by ord offset 0) p
         cross join lateral (
             with recursive key (pk) as (
                 (select i.pk from {table} i
                  where i.slot = p.slot and i.collection = $4 and i.pk >= p.first order by i.pk limit 1)
                 union all
                 select (select i.pk from {table} i
                         where i.slot = p.slot and i.collection = $4 and i.pk > key.pk order by i.pk limit 1)
                 from key where key.pk is not null and (p.behind is null or key.pk < p.behind)
             )
             select key.pk from key where key.pk is not null and (p.behind is null or key.pk < p.behind) limit $5
         ) key
         limit $5)
        """;

    /// <param name="call">The call of the shard.</param>
    /// <param name="collection">The collection.</param>
    /// <param name="probes">In order.</param>
    /// <param name="limit">The most keys.</param>
    /// <returns>For each probe its keys. Probes behind the last key for which there was room are not complete.</returns>
    public static Task<Fenced<ProbedKeys>[]> ExecuteAsync(
        ShardCall call, string collection, IReadOnlyList<PartitionProbe> probes, int limit) =>
        CollectionSql.ReadAsync(call.Session, collection, table => ExecuteAsync(call, table, collection, probes, limit));

    private static async Task<Fenced<ProbedKeys>[]> ExecuteAsync(
        ShardCall call, string table, string collection, IReadOnlyList<PartitionProbe> probes, int limit)
    {
        await using var command = new NpgsqlCommand(Sql(table), call.Connection)
        {
            Parameters =
            {
                new NpgsqlParameter<short[]> { TypedValue = [.. probes.Select(probe => (short)probe.Slot.Value)] },
                new NpgsqlParameter<string[]> { TypedValue = [.. probes.Select(probe => probe.From)] },
                new NpgsqlParameter<string?[]> { TypedValue = [.. probes.Select(probe => probe.To)] },
                new NpgsqlParameter<string> { TypedValue = collection },
                new NpgsqlParameter<int> { TypedValue = limit },
            },
        };
        var answers = new Fenced<ProbedKeys>[probes.Count];
        var keys = new List<string>[probes.Count];
        var (found, last) = (0, probes.Count);
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        while (await reader.ReadAsync(CancellationToken.None))
        {
            var place = reader.GetInt32(0) - 1;
            if (reader.IsDBNull(4))
            {
                answers[place] = Fenced<ProbedKeys>.Refused(new FenceRefusal(
                    reader.IsDBNull(1) ? null : reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetString(2),
                    reader.IsDBNull(3) ? null : reader.GetInt64(3)));
                continue;
            }
            (keys[place] ??= []).Add(reader.GetString(4));
            if (++found == limit)
                last = place;
        }
        for (var i = 0; i < answers.Length; i++)
            if (answers[i].Refusal is null)
                answers[i] = Fenced<ProbedKeys>.Answer(new ProbedKeys(keys[i] ?? [], IsComplete: i < last));
        return answers;
    }
}

/// <param name="Keys">The keys that were found, in order.</param>
/// <param name="IsComplete">There are no more.</param>
internal sealed record ProbedKeys(IReadOnlyList<string> Keys, bool IsComplete);
