using Dapper;
using Npgsql;

namespace ShardCore.Migrations;

/// <summary>
/// Allows one migrator at a time in a shard. It is a session advisory lock, so a migrator that crashes does not leave it behind.
/// </summary>
internal sealed class MigrationLock : IAsyncDisposable
{
    /// <summary>The class of the advisory lock: "SHMG" as a number. Slots have another class (sharding.write_items).</summary>
    public const int Class = 1_397_247_303;

    private readonly NpgsqlConnection _connection;

    private MigrationLock(NpgsqlConnection connection) => _connection = connection;

    /// <returns>Null: another process held the lock all through <paramref name="limit"/>.</returns>
    public static async Task<MigrationLock?> TryTakeAsync(NpgsqlConnection connection, TimeSpan limit, CancellationToken cancellation)
    {
        await SetLockTimeoutAsync(connection, limit, cancellation);
        try
        {
            await connection.ExecuteAsync(new CommandDefinition(
                "select pg_advisory_lock(@Class, 0)", new { Class }, commandTimeout: (int)limit.TotalSeconds + 10,
                cancellationToken: cancellation));
            return new MigrationLock(connection);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            await connection.ExecuteAsync("reset lock_timeout");
            return null;
        }
    }

    /// <summary>
    /// Limits the waits for locks. A migration has a limit too, because all traffic waits behind a statement that waits for a table.
    /// </summary>
    public static Task SetLockTimeoutAsync(NpgsqlConnection connection, TimeSpan limit, CancellationToken cancellation) =>
        connection.ExecuteAsync(new CommandDefinition(
            "select set_config('lock_timeout', @limit, false)", new { limit = $"{(long)limit.TotalMilliseconds}ms" },
            cancellationToken: cancellation));

    /// <summary>Unlocks explicitly, because a pooled connection is reset only when it is used again.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_connection.FullState == System.Data.ConnectionState.Open)
            await _connection.ExecuteAsync("select pg_advisory_unlock(@Class, 0); reset lock_timeout", new { Class });
    }
}
