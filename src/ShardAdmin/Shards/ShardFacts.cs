using Dapper;
using Npgsql;
using ShardCore.Collections;
using ShardCore.Migrations;
using ShardCore.Shards;

namespace ShardAdmin.Shards;

/// <summary>The facts about a database that is, or may become, a shard.</summary>
/// <param name="Schema">The version of its schema, and its problem, if there is one.</param>
/// <param name="Identity">Null: it is not a shard yet.</param>
/// <param name="HasCollections">True only for a shard of a cluster that has been in use.</param>
internal sealed record ShardFacts(
    ServerFacts Server, MigrationResult Schema, ShardIdentity? Identity, bool HasCollections)
{
    public static async Task<ShardFacts> ReadAsync(ShardDatabase source, CancellationToken cancellation)
    {
        var server = await ServerFacts.ReadAsync(source, cancellation);
        var schema = await new ShardMigrator().InspectAsync(source, cancellation);
        var identity = await ShardOwnershipStore.ReadIdentityAsync(source, cancellation);
        return new ShardFacts(
            server, schema, identity, identity is not null && (await CollectionStore.ListAsync(source, cancellation)).Count > 0);
    }
}

/// <summary>The settings of a server, and the time of its clock.</summary>
internal sealed record ServerFacts(
    int VersionNumber, string Encoding, bool IsStandby, string SystemIdentifier, long DatabaseOid, DateTime StartedAt, string WalLevel,
    long SlotWalKeepMiB, DateTime Clock)
{
    /// <summary>The value of max_slot_wal_keep_size that means no limit.</summary>
    public const long Unlimited = -1;

    /// <summary>
    /// Identifies a database: the same for two addresses of one database, different for any two databases. The system identifier alone is
    /// not enough, because servers that were made from the same base backup or volume snapshot share it. No two of them start in the same
    /// microsecond.
    /// </summary>
    public string Database => $"{Process}/{DatabaseOid}";

    /// <summary>Identifies a running server: the same for all databases of one running server, and only for those.</summary>
    public string Process => $"{SystemIdentifier}/{StartedAt:O}";

    public static async Task<ServerFacts> ReadAsync(ShardDatabase source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return await connection.QuerySingleAsync<ServerFacts>(new CommandDefinition(
            """
            select current_setting('server_version_num')::integer as VersionNumber, current_setting('server_encoding') as Encoding,
                   pg_is_in_recovery() as IsStandby, (select system_identifier::text from pg_control_system()) as SystemIdentifier,
                   d.oid::bigint as DatabaseOid, pg_postmaster_start_time() as StartedAt, current_setting('wal_level') as WalLevel,
                   (select setting::bigint from pg_settings where name = 'max_slot_wal_keep_size') as SlotWalKeepMiB,
                   clock_timestamp() as Clock
            from pg_database d where d.datname = current_database()
            """,
            cancellationToken: cancellation));
    }
}
