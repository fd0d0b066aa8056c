using Dapper;
using Npgsql;

namespace ShardCore.Migrations;

/// <summary>The properties of a database that decide whether it can become a shard.</summary>
/// <param name="ServerVersion">server_version_num, for instance 150013.</param>
internal sealed record ShardSuitability(int ServerVersion, string ServerEncoding, bool IsStandby)
{
    public const int OldestMajor = 15; // moves need publications with row filters

    private const string Sql = """
        select current_setting('server_version_num')::integer as "ServerVersion",
               current_setting('server_encoding') as "ServerEncoding", pg_is_in_recovery() as "IsStandby"
        """;

    /// <returns>A sentence about the first violation, or null.</returns>
    public string? Problem =>
        ServerVersion / 10_000 < OldestMajor ? $"The server is Postgres {ServerVersion / 10_000}; a shard needs {OldestMajor} or later."
        : ServerEncoding != "UTF8"
            ? $"The database is encoded {ServerEncoding}; a shard needs UTF8: create database … encoding 'UTF8' template template0."
        : IsStandby ? "The server is a standby, which takes no writes; name the primary."
        : null;

    public static Task<ShardSuitability> ReadAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        connection.QuerySingleAsync<ShardSuitability>(new CommandDefinition(Sql, cancellationToken: cancellation));
}
