using System.Data.Common;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Sessions;
using ShardCore.Shards;

namespace ShardCore.Access;

/// <summary>
/// API keys in one shard. Each shard has all of them, as it has all collections, so keys work and can be revoked while Redis is away
/// (docs/adr/0024-api-keys-live-in-the-shards.md).
/// </summary>
public static class ApiKeyStore
{
    private const string Columns =
        "id, name, secret_hash, scopes, collections, partitions, created_at, expires_at, revoked_at, last_used_at";

    /// <summary>As long as a command may take.</summary>
    private static readonly TimeSpan NoLimit = TimeSpan.Zero;

    /// <summary>
    /// A router waits 2 s for the answer. A question that waits for a lock ends before that. Otherwise each look at a table that somebody
    /// holds would leave a session behind that waits.
    /// </summary>
    /// <returns>A text that changes with every key that is added or comes nearer to its end; not with a use.</returns>
    public static async Task<string> DigestAsync(NpgsqlConnection shard, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            "select sharding.api_key_digest() from pg_catalog.set_config('lock_timeout', '1500ms', true)", shard);
        return await command.ReadValueAsync<string>(cancellation) ?? "";
    }

    /// <returns>All keys that this shard knows, those that ended included, by id.</returns>
    public static async Task<IReadOnlyList<ApiKey>> ListAsync(NpgsqlConnection shard, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            $"select {Columns} from sharding.api_key order by id", shard);
        return await command.ReadAllAsync(KeyAt, cancellation);
    }

    /// <inheritdoc cref="ListAsync(NpgsqlConnection, CancellationToken)" />
    public static Task<IReadOnlyList<ApiKey>> ListAsync(ShardDatabase shard, CancellationToken cancellation) =>
        ListAsync(shard, NoLimit, cancellation);

    /// <inheritdoc cref="ListAsync(NpgsqlConnection, CancellationToken)" />
    /// <param name="lockLimit">How long another session may hold the table.</param>
    public static async Task<IReadOnlyList<ApiKey>> ListAsync(ShardDatabase shard, TimeSpan lockLimit, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        await using var transaction = await BeginAsync(connection, lockLimit, cancellation);
        return await ListAsync(connection, cancellation);
    }

    /// <summary>
    /// Brings keys to a shard. One that it has already comes nearer to its end where the other is nearer; nothing else of it changes. Safe
    /// to repeat.
    /// </summary>
    public static Task MergeAsync(ShardDatabase shard, IEnumerable<ApiKey> keys, CancellationToken cancellation) =>
        MergeAsync(shard, keys, NoLimit, cancellation);

    /// <inheritdoc cref="MergeAsync(ShardDatabase, IEnumerable{ApiKey}, CancellationToken)" />
    /// <param name="lockLimit">How long another session may hold the table or a row.</param>
    public static async Task MergeAsync(
        ShardDatabase shard, IEnumerable<ApiKey> keys, TimeSpan lockLimit, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        await using var transaction = await BeginAsync(connection, lockLimit, cancellation);
        foreach (var key in keys)
        {
            await using var command = MergeCommand(connection, key);
            await command.ExecuteNonQueryAsync(cancellation);
        }
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>Notes when keys were last used. One that the shard does not know is passed over.</summary>
    public static async Task<int> NoteUsesAsync(NpgsqlConnection shard, string[] ids, DateTime[] at, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select sharding.api_keys_used($1, $2)", shard)
        {
            Parameters =
            {
                new NpgsqlParameter<string[]> { TypedValue = ids },
                new NpgsqlParameter<DateTime[]> { TypedValue = at, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz },
            },
        };
        return await command.ReadValueAsync<int>(cancellation);
    }

    private static async Task<DbTransaction> BeginAsync(ShardConnection shard, TimeSpan lockLimit, CancellationToken cancellation)
    {
        var transaction = await shard.BeginTransactionAsync(cancellation);
        await using var command = new NpgsqlCommand("select pg_catalog.set_config('lock_timeout', $1, true)", shard)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = FormattableString.Invariant($"{lockLimit.TotalMilliseconds:0}ms") } },
        };
        await command.ReadValueAsync<string>(cancellation);
        return transaction;
    }

    private static NpgsqlCommand MergeCommand(NpgsqlConnection shard, ApiKey key) => new(
        $"""
        insert into sharding.api_key as here ({Columns})
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (id) do update set
            expires_at = least(here.expires_at, excluded.expires_at),
            revoked_at = least(here.revoked_at, excluded.revoked_at),
            last_used_at = greatest(here.last_used_at, excluded.last_used_at)
        """,
        shard)
    {
        Parameters =
        {
            new NpgsqlParameter<string> { TypedValue = key.Id },
            new NpgsqlParameter<string> { TypedValue = key.Name },
            new NpgsqlParameter<byte[]> { TypedValue = key.SecretHash },
            Texts(key.Scopes),
            Texts(key.Collections),
            Texts(key.Partitions),
            Time(key.CreatedAt),
            Time(key.ExpiresAt),
            Time(key.RevokedAt),
            Time(key.LastUsedAt),
        },
    };

    private static NpgsqlParameter Texts(string[]? value) =>
        new() { Value = value ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };

    private static NpgsqlParameter Time(DateTime? value) =>
        new() { Value = value ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz };

    private static ApiKey KeyAt(NpgsqlDataReader reader)
    {
        return new ApiKey(
            reader.GetString(0), reader.GetString(1), reader.GetFieldValue<byte[]>(2), reader.GetFieldValue<string[]>(3),
            TextsAt(4), TextsAt(5), reader.GetDateTime(6), At(7), At(8), At(9));

        string[]? TextsAt(int column) => reader.IsDBNull(column) ? null : reader.GetFieldValue<string[]>(column);

        DateTime? At(int column) => reader.IsDBNull(column) ? null : reader.GetDateTime(column);
    }
}
