using Npgsql;
using NpgsqlTypes;
using ShardCore.Collections;
using ShardCore.Indexes;
using ShardCore.Sessions;

namespace ShardRouter.Indexes;

/// <summary>Reads and defines indexes in one shard (migrations/shard/0013_create_indexes.sql).</summary>
internal static class IndexStore
{
    private const string SlotsMove = "SH014";

    private const string ReadSql = """
        select name, fields::text, is_unique, created_at, state, progress::float8, problem, relation, is_valid
        from sharding.indexes() where collection = $1 and state <> 'dropped'
        """;

    /// <returns>The indexes of the collection, by name.</returns>
    public static async Task<IReadOnlyList<IndexDefinition>> ReadAsync(NpgsqlConnection shard, string collection)
    {
        await using var command = Command(shard, ReadSql, collection);
        return await command.ReadAllAsync(At, CancellationToken.None);
    }

    /// <returns>Null: the shard does not have the collection.</returns>
    public static async Task<IReadOnlyList<IndexDefinition>?> ReadWithCollectionAsync(NpgsqlConnection shard, string collection) =>
        await CollectionStore.FindAsync(shard, collection, CancellationToken.None) is { IsLive: true } ? await ReadAsync(shard, collection) : null;

    /// <param name="fields">As JSON (<see cref="IndexField.Write"/>).</param>
    /// <param name="by">Who wants it, for the audit log.</param>
    /// <param name="createdAt">The time of the definition in a shard that has it already; null: this shard is the first one.</param>
    public static async Task<(IndexCreation Outcome, DateTime? CreatedAt)> CreateAsync(
        NpgsqlConnection shard, string collection, string name, string fields, bool isUnique, string by, DateTime? createdAt)
    {
        await using var command = Command(
            shard, "select outcome, created_at from sharding.index_create($1, $2, $3::text::jsonb, $4, $5, $6)", collection, name, fields);
        command.Parameters.Add(new NpgsqlParameter<bool> { TypedValue = isUnique });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = by });
        command.Parameters.Add(new NpgsqlParameter { Value = createdAt is { } time ? time : DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        try
        {
            var rows = await command.ReadAllAsync(
                row => (CreationOf(row.GetString(0)), row.IsDBNull(1) ? (DateTime?)null : row.GetDateTime(1)), CancellationToken.None);
            return rows[0];
        }
        catch (PostgresException e) when (e.SqlState == SlotsMove)
        {
            return (IndexCreation.WhileMoving, null);
        }
    }

    private static IndexCreation CreationOf(string outcome) => outcome switch
    {
        "created" => IndexCreation.Created,
        "existed" => IndexCreation.Existed,
        "again" => IndexCreation.Again,
        "differs" => IndexCreation.Differs,
        "dropping" => IndexCreation.BeingDropped,
        "too_many" => IndexCreation.TooMany,
        _ => IndexCreation.NoCollection,
    };

    /// <summary>All shards have the index: queries count on it from now on.</summary>
    /// <returns>False: this shard has not.</returns>
    public static async Task<bool> SetReadyAsync(NpgsqlConnection shard, string collection, string name, string by)
    {
        await using var command = Command(shard, "select sharding.index_ready($1, $2, $3)", collection, name, by);
        return await command.ReadValueAsync<bool>(CancellationToken.None);
    }

    /// <summary>From now on no query of this shard counts on the index, and a build of it ends.</summary>
    /// <returns>False: there is no such index.</returns>
    public static async Task<bool> UnwantAsync(NpgsqlConnection shard, string collection, string name, string by)
    {
        await using var command = Command(shard, "select sharding.index_unwant($1, $2, $3)", collection, name, by);
        return await command.ReadValueAsync<bool>(CancellationToken.None);
    }

    /// <returns>False: the table is in use just now. It has to be dropped later.</returns>
    public static async Task<bool> TryDropAsync(NpgsqlConnection shard, string collection, string name, string by)
    {
        await using var command = Command(shard, "select sharding.index_drop($1, $2, $3)", collection, name, by);
        try
        {
            await command.ExecuteNonQueryAsync(CancellationToken.None);
            return true;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
        {
            return false;
        }
    }

    private static NpgsqlCommand Command(NpgsqlConnection shard, string sql, params ReadOnlySpan<string> values)
    {
        var command = new NpgsqlCommand(sql, shard);
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = value });
        return command;
    }

    private static IndexDefinition At(NpgsqlDataReader row) => new(
        row.GetString(0), IndexField.Read(row.GetString(1)), row.GetBoolean(2), row.GetDateTime(3), StateOf(row.GetString(4)),
        row.GetDouble(5), row.IsDBNull(6) ? null : row.GetString(6), row.GetString(7), row.GetBoolean(8));

    private static IndexState StateOf(string state) => state switch
    {
        "built" => IndexState.Built,
        "ready" => IndexState.Ready,
        "failed" => IndexState.Failed,
        "dropping" => IndexState.Dropping,
        _ => IndexState.Building,
    };
}

/// <summary>The result of defining an index in a shard.</summary>
internal enum IndexCreation
{
    Created,
    Existed,

    /// <summary>Its build had failed, and is repeated.</summary>
    Again,

    /// <summary>Another definition has the name.</summary>
    Differs,
    BeingDropped,
    TooMany,
    NoCollection,

    /// <summary>The index is unique, and slots move: a shard that has it could not take all rows of one that has not.</summary>
    WhileMoving,
}
