using Npgsql;

namespace Chaos.Cluster;

/// <summary>The slots of one shard, and leftovers of moves in it.</summary>
/// <param name="Owned">The slots that it owns.</param>
/// <param name="LeftOvers">Each kind of leftover, with its number.</param>
internal sealed record ShardAudit(string Shard, IReadOnlyList<int> Owned, IReadOnlyList<(string What, long Count)> LeftOvers)
{
    /// <summary>The number of batches in its journal.</summary>
    public int Unfinished => (int)LeftOvers.Where(left => left.What == "batches in its journal").Sum(left => left.Count);

    private const string OwnedSql = "select slot::integer from sharding.slot_ownership where state = 'owned' order by 1";

    private const string LeftOverSql = """
        select what, n from (values
          ('rows in slots that it does not own', (select count(*) from sharding.item i where not exists (select from sharding.slot_ownership o where o.slot = i.slot and o.state = 'owned'))),
          ('rows in another slot than their key''s', (select count(*) from sharding.item i where i.slot <> sharding.slot_of(i.pk))),
          ('slots frozen or importing, or still tied to a move', (select count(*) from sharding.slot_ownership where state in ('frozen', 'importing') or move_id is not null)),
          ('batches in its journal', (select count(*) from sharding.move)),
          ('imports', (select count(*) from sharding.move_import)),
          ('replication slots of moves', (select count(*) from pg_replication_slots where slot_type = 'logical')),
          ('publications of moves', (select count(*) from pg_publication where starts_with(pubname, 'sharding_move_'))),
          ('advisory locks', (select count(*) from pg_locks where locktype = 'advisory')),
          ('prepared transactions', (select count(*) from pg_prepared_xacts))
        ) as left_over (what, n) where n > 0
        """;

    public static async Task<ShardAudit> ReadAsync(string shard, string connectionString, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancellation);
        if ((await ListAsync(connection, "select to_regclass('sharding.move') is not null", reader => reader.GetBoolean(0), cancellation)) is [false])
            return new ShardAudit(shard, [], []); // the spare shard before it joined
        var owned = await ListAsync(connection, OwnedSql, reader => reader.GetInt32(0), cancellation);
        return new ShardAudit(shard, owned, await ListAsync(connection, LeftOverSql, reader => (reader.GetString(0), reader.GetInt64(1)), cancellation));
    }

    private static async Task<IReadOnlyList<T>> ListAsync<T>(NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 120 };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellation))
            rows.Add(read(reader));
        return rows;
    }
}
