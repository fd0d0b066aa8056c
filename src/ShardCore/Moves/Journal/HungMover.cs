using Dapper;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Pipelining;
using ShardCore.Shards;

namespace ShardCore.Moves.Journal;

/// <summary>
/// Ends at a source what a mover that does not move any more has there: stopped, or behind a cut network, its connections
/// stay and with them its locks. Nothing that is safe rests on this, the attempt does that; it only keeps the next mover
/// from waiting for the one before.
/// </summary>
/// <remarks>Only this program's sessions are ended, which are known by their application names. Whoever else has the journal in a
/// transaction is named to the caller.</remarks>
public static class HungMover
{
    private const int LockLimitMilliseconds = 5000;

    /// <summary>The session, a, is of a mover, or of the program that runs movers.</summary>
    private const string OursSql = $"(a.application_name in ('{MoveConnections.MoverName}', '{ProgramName}') or a.application_name like 'move %/%')";

    private const string HasJournalSql = "exists (select from pg_locks l where l.pid = a.pid and l.granted and l.locktype = 'relation' and l.relation = 'sharding.move'::regclass)";

    /// <summary>Open transactions of movers that have the journal.</summary>
    private const string IdleSql = $"""
        select count(pg_terminate_backend(a.pid)) from pg_stat_activity a
        where a.pid <> pg_backend_pid() and a.datname = current_database() and a.state = 'idle in transaction' and a.state_change < clock_timestamp() - @idle
              and {OursSql} and {HasJournalSql}
        """;

    /// <summary>The transaction of somebody else that began first of those that have the journal.</summary>
    private const string OthersSql = $"""
        select format('pid %s (%s, user %s, %s)', a.pid, coalesce(nullif(a.application_name, ''), 'without a name'), a.usename, a.state) from pg_stat_activity a
        where a.pid <> pg_backend_pid() and a.datname = current_database() and not {OursSql} and {HasJournalSql}
        order by a.xact_start
        limit 1
        """;

    private const string ClaimSql = "update sharding.move set mover = @by where operation_id = @operation";

    /// <summary>The application name of sessions that plan moves and hold an operation's lock.</summary>
    public const string ProgramName = "shardadmin";

    /// <summary>No mover that lives keeps a transaction with the journal open and idle for so long.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(2);

    /// <summary>The operation's lock, and the stream of changes.</summary>
    private static readonly string Sql = $"""
        select count(pg_terminate_backend(a.pid)) from pg_stat_activity a
        where a.pid <> pg_backend_pid() and a.datname = current_database() and {OursSql}
              and (a.pid in ({OperationLockKey.HoldersSql("@operation")})
                   or exists (select from sharding.move m where m.operation_id = @operation and a.application_name like 'move ' || replace(m.move_id::text, '-', '') || '/%'))
        """;

    /// <param name="by">
    /// Who takes over. It has the batches in hand before the connections end, so that a mover that was not hanging after all hears
    /// so, instead of trying again what seems a broken connection.
    /// </param>
    /// <returns>How many connections were ended.</returns>
    /// <exception cref="MoveFailedException">Somebody else's transaction is in the way; the message names it.</exception>
    public static async Task<long> EndAsync(ShardDatabase source, Guid operation, string by, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        await connection.ExecuteScalarAsync<long>(new CommandDefinition(IdleSql, new { idle = Idle }, cancellationToken: cancellation));
        var claim = FormattableString.Invariant($"set local lock_timeout = {LockLimitMilliseconds}; {ClaimSql}");
        if (!await new JournalCalls(source).TryAsync(claim, new { operation, by }, cancellation))
            throw new MoveFailedException($"Operation {operation} cannot be taken over: {await DescribeOthersAsync(connection, cancellation)}");
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(Sql, new { operation }, cancellationToken: cancellation));
    }

    private static async Task<string> DescribeOthersAsync(ShardConnection connection, CancellationToken cancellation) =>
        await connection.ExecuteScalarAsync<string?>(new CommandDefinition(OthersSql, cancellationToken: cancellation)) is { } other
            ? $"the session {other} has the source's journal (sharding.move) in an open transaction. End that transaction first."
            : "something has a lock on the source's journal (sharding.move); 'select * from pg_locks' there names it.";
}
