using Dapper;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Pipelining;
using ShardCore.Shards;

namespace ShardCore.Moves.Journal;

/// <summary>
/// Ends the sessions that a hung mover has at a source. If a mover was stopped or its network was cut, its connections stay, and with them
/// its locks. Safety does not rest on this class, but on the attempt. It only keeps the next mover from waiting for the hung one.
/// </summary>
/// <remarks>
/// Only this program's sessions are ended; they are known by their application names. If another program has the journal in a transaction,
/// the error names it.
/// </remarks>
public static class HungMover
{
    private const int LockLimitMilliseconds = 5000;

    /// <summary>SQL: whether the session a belongs to a mover, or to the program that runs movers.</summary>
    private const string OursSql =
        $"(a.application_name in ('{MoveConnections.MoverName}', '{ProgramName}') or a.application_name like 'move %/%')";

    private const string HasJournalSql = """
        exists (select from pg_locks l
                where l.pid = a.pid and l.granted and l.locktype = 'relation' and l.relation = 'sharding.move'::regclass)
        """;

    /// <summary>SQL that ends open transactions of movers that have the journal.</summary>
    private const string IdleSql = $"""
        select count(pg_terminate_backend(a.pid)) from pg_stat_activity a
        where a.pid <> pg_backend_pid() and a.datname = current_database() and a.state = 'idle in transaction'
              and a.state_change < clock_timestamp() - @idle
              and {OursSql} and {HasJournalSql}
        """;

    /// <summary>SQL that names the oldest transaction of another program of those that have the journal.</summary>
    private const string OthersSql = $"""
        select format('pid %s (%s, user %s, %s)', a.pid, coalesce(nullif(a.application_name, ''), 'without a name'), a.usename, a.state)
        from pg_stat_activity a
        where a.pid <> pg_backend_pid() and a.datname = current_database() and not {OursSql} and {HasJournalSql}
        order by a.xact_start
        limit 1
        """;

    private const string ClaimSql = "update sharding.move set mover = @by where operation_id = @operation";

    /// <summary>The application name of sessions that plan moves, and of those that hold an operation's lock.</summary>
    public const string ProgramName = "shardadmin";

    /// <summary>A mover that lives never keeps a transaction with the journal open and idle for this long.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(2);

    /// <summary>SQL that ends the sessions with the operation's lock and with the streams of changes.</summary>
    private static readonly string Sql = $"""
        select count(pg_terminate_backend(a.pid)) from pg_stat_activity a
        where a.pid <> pg_backend_pid() and a.datname = current_database() and {OursSql}
              and (a.pid in ({OperationLockKey.HoldersSql("@operation")})
                   or exists (select from sharding.move m
                              where m.operation_id = @operation
                                    and a.application_name like 'move ' || replace(m.move_id::text, '-', '') || '/%'))
        """;

    /// <param name="by">
    /// Who takes over. The batches are claimed for it before the connections end. So if the mover was not hung after all, it learns that
    /// it lost the batch. Otherwise it would take this for a broken connection, and try again.
    /// </param>
    /// <returns>How many connections were ended.</returns>
    /// <exception cref="MoveFailedException">The transaction of another program is in the way; the message names it.</exception>
    public static async Task<long> EndAsync(ShardDatabase source, Guid operation, string by, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        await connection.ExecuteScalarAsync<long>(new CommandDefinition(IdleSql, new { idle = Idle }, cancellationToken: cancellation));
        var claim = FormattableString.Invariant($"set local lock_timeout = {LockLimitMilliseconds}; {ClaimSql}");
        if (!await new JournalCalls(source).TryAsync(claim, new { operation, by }, cancellation))
            throw new MoveFailedException(
                $"Operation {operation} cannot be taken over: {await DescribeOthersAsync(connection, cancellation)}");
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(Sql, new { operation }, cancellationToken: cancellation));
    }

    private static async Task<string> DescribeOthersAsync(ShardConnection connection, CancellationToken cancellation) =>
        await connection.ExecuteScalarAsync<string?>(new CommandDefinition(OthersSql, cancellationToken: cancellation)) is { } other
            ? $"the session {other} has the source's journal (sharding.move) in an open transaction. End that transaction first."
            : "something has a lock on the source's journal (sharding.move); 'select * from pg_locks' there names it.";
}
