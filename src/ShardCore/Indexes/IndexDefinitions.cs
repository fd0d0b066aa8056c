using Npgsql;
using NpgsqlTypes;
using ShardCore.Sessions;

namespace ShardCore.Indexes;

/// <summary>The definition of an index on fields of documents, as a shard has it (migrations/shard/0013_create_indexes.sql).</summary>
/// <param name="Fields">JSON, as Postgres writes it.</param>
/// <param name="CreatedAt">The same in all shards.</param>
/// <param name="State">building · built · ready · failed</param>
/// <param name="Problem">failed: why.</param>
public sealed record IndexDefinition(
    string Collection, string Name, string Fields, bool IsUnique, DateTime CreatedAt, string State, string? Problem);

/// <summary>Brings the definitions of one shard to another.</summary>
/// <remarks>
/// Whoever brings collections brings these behind them, in the same transaction or right after it. The partition of a collection that was
/// just made is empty, so the index is built when its definition comes (<c>sharding.build_empty_index</c>): a shard has it before it has a
/// row. If the table has rows already, the definition comes as "building", and an agent builds it.
/// </remarks>
public static class IndexDefinitions
{
    private const string ReadSql = """
        select collection, name, fields::text, is_unique, created_at, state, problem from sharding.item_index
        where state not in ('dropping', 'dropped') order by collection, name
        """;

    private const string MakeRoomSql = """
        delete from sharding.item_index i using unnest($1, $2, $3) as d (collection, name, created_at)
        where i.collection = d.collection and i.name = d.name and i.state = 'dropped' and i.created_at < d.created_at
        """;

    private const string WriteSql = """
        insert into sharding.item_index (collection, name, fields, is_unique, created_at, state, problem)
        select d.collection, d.name, d.fields::jsonb, d.is_unique, d.created_at, d.state, d.problem
        from unnest($1, $2, $3, $4, $5, $6, $7) as d (collection, name, fields, is_unique, created_at, state, problem)
        where exists (select from sharding.collection c where c.name = d.collection and c.dropped_at is null)
        on conflict (collection, name) do nothing
        """;

    /// <returns>All definitions but those of indexes that are dropped, or are to be.</returns>
    public static async Task<IReadOnlyList<IndexDefinition>> ReadAsync(NpgsqlConnection shard, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(ReadSql, shard);
        return await command.ReadAllAsync(
            row => new IndexDefinition(
                row.GetString(0), row.GetString(1), row.GetString(2), row.GetBoolean(3), row.GetDateTime(4), row.GetString(5),
                row.IsDBNull(6) ? null : row.GetString(6)),
            cancellation);
    }

    /// <summary>
    /// Definitions that the shard has already stay as they are, also as dropped since. Those of collections that it lacks are left out.
    /// </summary>
    public static async Task WriteAsync(
        NpgsqlConnection shard, IReadOnlyCollection<IndexDefinition> definitions, CancellationToken cancellation)
    {
        if (definitions.Count == 0)
            return;
        await using (var room = new NpgsqlCommand(MakeRoomSql, shard)
        {
            Parameters = { Texts(each => each.Collection), Texts(each => each.Name), Times() },
        })
            await room.ExecuteNonQueryAsync(cancellation);
        await using var command = new NpgsqlCommand(WriteSql, shard)
        {
            Parameters =
            {
                Texts(each => each.Collection), Texts(each => each.Name), Texts(each => each.Fields),
                new NpgsqlParameter<bool[]> { TypedValue = [.. definitions.Select(each => each.IsUnique)] },
                Times(), Texts(each => each.State), Texts(each => each.Problem),
            },
        };
        await command.ExecuteNonQueryAsync(cancellation);

        NpgsqlParameter<DateTime[]> Times() => new() { TypedValue = [.. definitions.Select(each => each.CreatedAt)] };

        NpgsqlParameter<string?[]> Texts(Func<IndexDefinition, string?> value) => new()
        {
            TypedValue = [.. definitions.Select(value)],
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
        };
    }
}
