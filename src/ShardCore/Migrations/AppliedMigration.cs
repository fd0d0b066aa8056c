namespace ShardCore.Migrations;

/// <summary>A row of <c>sharding.schema_migration</c>.</summary>
/// <param name="Objects">The schema's objects after it, as JSON: object → SHA-256 of its definition.</param>
internal sealed record AppliedMigration(int Version, string Name, string Checksum, string Objects);
