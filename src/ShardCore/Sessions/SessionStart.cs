using Npgsql;

namespace ShardCore.Sessions;

/// <summary>Opens sessions, and refuses those that are not a session of Postgres itself.</summary>
/// <remarks>
/// A pooler (PgBouncer and its like) gives a client whatever session of the server is free. Nothing here would work behind one:
/// it drops the startup options, with them <see cref="Shards.SessionSettings"/>, and then the fence runs under settings of others; prepared
/// statements, advisory locks and transactions of a move belong to one session; a move's stream needs the replication protocol. The worst
/// is that much of it would seem to work. So it is refused when a connection is made, whatever its pool mode is.
/// Two things give it away. PgBouncer refuses startup options that it does not know. Where it was told to ignore them, the process id that
/// it made up for the client is not the one that the session has.
/// </remarks>
internal static class SessionStart
{
    /// <summary>Servers from this version on have transaction_timeout, which cannot be named at connect: older ones refuse it.</summary>
    public const int FirstWithTransactionTimeout = 17;

    private const string OwnProcess = "select pg_catalog.pg_backend_pid()";

    /// <exception cref="PoolerException">It is a pooler that answers.</exception>
    /// <exception cref="NpgsqlException">There is no connection to be had.</exception>
    public static async Task<NpgsqlConnection> OpenAsync(NpgsqlDataSource source, CancellationToken cancellation)
    {
        try
        {
            return await source.OpenConnectionAsync(cancellation);
        }
        catch (PostgresException e) when (IsOfPooler(e))
        {
            throw new PoolerException(source.ConnectionString, e);
        }
    }

    /// <summary>Postgres itself has other words for an option that it does not know.</summary>
    private static bool IsOfPooler(PostgresException e) =>
        e.SqlState == PostgresErrorCodes.ProtocolViolation && e.MessageText.Contains("startup parameter", StringComparison.Ordinal);

    /// <summary>Once for each session that is made.</summary>
    /// <exception cref="PoolerException">It belongs to a pooler.</exception>
    public static async Task BeginAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(
            connection.PostgreSqlVersion.Major < FirstWithTransactionTimeout
                ? OwnProcess
                : OwnProcess + " from pg_catalog.set_config('transaction_timeout', '0', false)", connection);
        if (await command.ReadValueAsync<int>(CancellationToken.None) != connection.ProcessID)
            throw new PoolerException(connection.ConnectionString);
    }
}

/// <summary>A pooler stands where a shard's Postgres should be.</summary>
/// <param name="connectionString">What was connected to.</param>
public sealed class PoolerException(string connectionString, Exception? inner = null)
    : NpgsqlException($"a connection pooler, such as PgBouncer, answers at {PlaceOf(connectionString)} in place of Postgres", inner)
{
    /// <summary>It stays so until somebody corrects the address.</summary>
    public override bool IsTransient => false;

    private static string PlaceOf(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        return FormattableString.Invariant($"{settings.Host}:{settings.Port}");
    }
}
