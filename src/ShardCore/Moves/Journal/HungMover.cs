using Dapper;
using Npgsql;
using ShardCore.Shards;

namespace ShardCore.Moves.Journal;

/// <summary>
/// Ends at a source what a mover that does not move any more has there: stopped, or behind a cut network, its connections
/// stay and with them its locks. Nothing that is safe rests on this, the attempt does that; it only keeps the next mover
/// from waiting for the one before.
/// </summary>
public static class HungMover
{
    /// <summary>No mover that lives keeps a transaction with the journal open and idle for so long.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(2);

    /// <summary>Open transactions that have the journal.</summary>
    private const string IdleSql = """
        select count(pg_terminate_backend(a.pid)) from pg_stat_activity a
        where a.pid <> pg_backend_pid() and a.datname = current_database() and a.state = 'idle in transaction' and a.state_change < clock_timestamp() - @idle
              and exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'relation' and l.relation = 'sharding.move'::regclass)
        """;

    /// <summary>The operation's lock, and the stream of changes.</summary>
    private static readonly string Sql = $"""
        select count(pg_terminate_backend(a.pid)) from pg_stat_activity a
        where a.pid <> pg_backend_pid() and a.datname = current_database()
              and (a.pid in ({OperationLockKey.HoldersSql("@operation")})
                   or exists (select from sharding.move m where m.operation_id = @operation and a.application_name like 'move ' || replace(m.move_id::text, '-', '') || '/%'))
        """;

    /// <param name="by">
    /// Who takes over. It has the batches in hand before the connections end, so that a mover that was not hanging after all hears
    /// so, instead of trying again what seems a broken connection.
    /// </param>
    /// <returns>How many connections were ended.</returns>
    public static async Task<long> EndAsync(NpgsqlDataSource source, Guid operation, string by, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        await EndIdleAsync(connection, cancellation);
        await connection.ExecuteAsync(new CommandDefinition("update sharding.move set mover = @by where operation_id = @operation", new { operation, by }, cancellationToken: cancellation));
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(Sql, new { operation }, cancellationToken: cancellation));
    }

    private static Task<long> EndIdleAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        connection.ExecuteScalarAsync<long>(new CommandDefinition(IdleSql, new { idle = Idle }, cancellationToken: cancellation));
}
