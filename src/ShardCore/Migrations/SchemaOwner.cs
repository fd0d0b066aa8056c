using System.Data;
using Dapper;
using Npgsql;

namespace ShardCore.Migrations;

/// <summary>
/// A session while it is the owner of the schema: what it makes belongs to the owner, whoever runs the program. Migrations and builds of
/// indexes need that.
/// </summary>
/// <remarks>
/// The owner is the one of the schema. If there is no schema yet, it is the role <c>sharding_owner</c>, or the user itself if there is no such
/// role (docs/adr/0026-rights-in-postgres.md).
/// </remarks>
public sealed class SchemaOwner : IAsyncDisposable
{
    /// <summary>The migration that made <c>sharding.set_rights</c>.</summary>
    public const int FirstWithRights = 11;

    private const string OwnerSql = """
        select current_user::text as "User", owner.name as "Owner", pg_has_role(owner.name, 'member') as "IsMember"
        from (select coalesce(
                  (select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'sharding'),
                  (select rolname from pg_roles where rolname = 'sharding_owner'),
                  current_user)::text as name) owner
        """;

    private readonly NpgsqlConnection _connection;

    private SchemaOwner(NpgsqlConnection connection, string name, string user, string? problem) =>
        (_connection, Name, User, Problem) = (connection, name, user, problem);

    /// <summary>The role that owns the schema.</summary>
    public string Name { get; }

    /// <summary>The user that is logged in.</summary>
    public string User { get; }

    /// <summary>Why this user cannot become the owner, as a sentence for people; null: it has.</summary>
    public string? Problem { get; }

    public static async Task<SchemaOwner> BecomeAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var found = await connection.QuerySingleAsync<Found>(new CommandDefinition(OwnerSql, cancellationToken: cancellation));
        if (!found.IsMember)
            return new SchemaOwner(
                connection, found.Owner, found.User, $"The schema belongs to {found.Owner}, and {found.User} is no member of it.");
        if (found.Owner != found.User)
            await connection.ExecuteAsync(new CommandDefinition(
                "select set_config('role', @Owner, false)", new { found.Owner }, cancellationToken: cancellation));
        return new SchemaOwner(connection, found.Owner, found.User, problem: null);
    }

    /// <summary>Goes back explicitly, because a pooled connection is not reset.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_connection.FullState == ConnectionState.Open)
            await _connection.ExecuteAsync("reset role");
    }

    private sealed record Found(string User, string Owner, bool IsMember);
}
