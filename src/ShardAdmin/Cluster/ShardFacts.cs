using Dapper;
using Npgsql;
using ShardCore.Collections;
using ShardCore.Migrations;
using ShardCore.RingStorage;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>What a database is, before anything is decided about it.</summary>
/// <param name="Schema">How far its schema is; its problem, if any.</param>
/// <param name="Identity">Null: no shard yet.</param>
/// <param name="HasCollections">Only a shard of a cluster that has been in use has some.</param>
internal sealed record ShardFacts(
    ServerFacts Server, MigrationResult Schema, ShardIdentity? Identity, bool HasCollections)
{
    public static async Task<ShardFacts> ReadAsync(ShardDatabase source, CancellationToken cancellation)
    {
        var server = await ServerFacts.ReadAsync(source, cancellation);
        var schema = await new ShardMigrator().InspectAsync(source, cancellation);
        var identity = await ShardOwnershipStore.ReadIdentityAsync(source, cancellation);
        return new ShardFacts(server, schema, identity, identity is not null && (await CollectionStore.ListAsync(source, cancellation)).Count > 0);
    }
}

/// <summary>Settings of a server, and where in the world its clock is.</summary>
internal sealed record ServerFacts(
    int VersionNumber, string Encoding, bool IsStandby, string SystemIdentifier, long DatabaseOid, DateTime StartedAt, string WalLevel, long SlotWalKeepMiB, DateTime Clock)
{
    /// <summary>As max_slot_wal_keep_size.</summary>
    public const long Unlimited = -1;

    /// <summary>
    /// The same for two addresses of one database, different for any two databases. The system identifier alone would not
    /// do: servers made from one base backup or volume snapshot share it. No two start in the same microsecond.
    /// </summary>
    public string Database => $"{Process}/{DatabaseOid}";

    /// <summary>The same for two databases of one running server, and only for those.</summary>
    public string Process => $"{SystemIdentifier}/{StartedAt:O}";

    public static async Task<ServerFacts> ReadAsync(ShardDatabase source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return await connection.QuerySingleAsync<ServerFacts>(new CommandDefinition(
            """
            select current_setting('server_version_num')::integer as VersionNumber, current_setting('server_encoding') as Encoding,
                   pg_is_in_recovery() as IsStandby, (select system_identifier::text from pg_control_system()) as SystemIdentifier,
                   d.oid::bigint as DatabaseOid, pg_postmaster_start_time() as StartedAt, current_setting('wal_level') as WalLevel,
                   (select setting::bigint from pg_settings where name = 'max_slot_wal_keep_size') as SlotWalKeepMiB, clock_timestamp() as Clock
            from pg_database d where d.datname = current_database()
            """,
            cancellationToken: cancellation));
    }
}
