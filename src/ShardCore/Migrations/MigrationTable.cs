using Dapper;
using Npgsql;

namespace ShardCore.Migrations;

/// <summary>The record of applied migrations that each shard keeps: <c>sharding.schema_migration</c>.</summary>
internal static class MigrationTable
{
    private const string CreateSql = """
        create schema if not exists sharding;
        create table if not exists sharding.schema_migration (
            version     integer     primary key,
            name        text        not null,
            checksum    text        not null,               -- sha256 of the file
            applied_at  timestamptz not null default now(),
            applied_by  text        not null,
            fingerprint text        not null,               -- sha256 over objects
            objects     jsonb       not null                -- every object of the schema → sha256 of its definition
        );
        """;

    private const string InsertSql = """
        insert into sharding.schema_migration (version, name, checksum, applied_by, fingerprint, objects)
        values (@Version, @FileName, @Checksum, @appliedBy, @fingerprint, @objects::jsonb)
        """;

    public static Task CreateAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        connection.ExecuteAsync(new CommandDefinition(CreateSql, cancellationToken: cancellation));

    /// <returns>All rows in the order of their versions; none if there is no such table.</returns>
    public static async Task<IReadOnlyList<AppliedMigration>> ReadAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var exists = await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select to_regclass('sharding.schema_migration') is not null", cancellationToken: cancellation));
        if (!exists)
            return [];
        return [.. await connection.QueryAsync<AppliedMigration>(new CommandDefinition(
            "select version, name, checksum, objects::text as objects from sharding.schema_migration order by version",
            cancellationToken: cancellation))];
    }

    public static Task InsertAsync(
        NpgsqlConnection connection, Migration migration, SchemaFingerprint schema, string appliedBy, CancellationToken cancellation) =>
        connection.ExecuteAsync(new CommandDefinition(
            InsertSql,
            new
            {
                migration.Version,
                migration.FileName,
                migration.Checksum,
                appliedBy,
                fingerprint = schema.Sha256,
                objects = schema.ToJson(),
            },
            cancellationToken: cancellation));
}

/// <summary>A row of <c>sharding.schema_migration</c>.</summary>
/// <param name="Objects">The objects of the schema after this migration, as JSON: object → SHA-256 of its definition.</param>
internal sealed record AppliedMigration(int Version, string Name, string Checksum, string Objects);
