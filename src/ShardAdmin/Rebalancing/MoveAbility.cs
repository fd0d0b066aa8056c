using Dapper;
using Npgsql;
using ShardCore.Shards;

namespace ShardAdmin.Rebalancing;

/// <summary>The abilities that a shard needs as a source of moves, and leftovers of moves in it.</summary>
/// <param name="MayReplicate">Whether the user has the right.</param>
/// <param name="MayPublish">Whether the schema's owner, who publishes for movers, has the right in this database.</param>
/// <param name="SeesStandbys">True: the user may see the positions of the standbys that stream from the server, or there are none.</param>
/// <param name="StrayPublications">Publications of batches that are not in its journal; empty: none.</param>
/// <param name="IdleSlots">
/// Replication slots of moves that nobody reads from; empty: none. Moves only make temporary slots, which end with their reader's session.
/// </param>
internal sealed record MoveAbility(
    int FreeSlots, int FreeSenders, bool MayReplicate, bool MayPublish, bool SeesStandbys, string ReplicaIdentity, string PrimaryKey,
    bool IsStandby, string StrayPublications, string IdleSlots)
{
    /// <summary>Two batches of a source stream at the same time: one is copied while the one before is handed over.</summary>
    private const int SlotsForEach = 2;

    private const string Sql = """
        select current_setting('max_replication_slots')::integer - (select count(*) from pg_replication_slots)::integer as FreeSlots,
               current_setting('max_wal_senders')::integer - (select count(*) from pg_stat_replication)::integer as FreeSenders,
               (select rolreplication or rolsuper from pg_roles where rolname = current_user)
                   or exists (select from pg_roles where rolname = 'rds_replication' and pg_has_role(oid, 'member')) as MayReplicate,
               has_database_privilege((select relowner from pg_class where oid = 'sharding.item'::regclass), current_database(), 'create')
                   as MayPublish,
               not exists (select from pg_stat_replication where state is null) as SeesStandbys,
               (select string_agg(distinct relreplident::text, '') from pg_class
                where oid = 'sharding.item'::regclass
                      or oid in (select inhrelid from pg_inherits where inhparent = 'sharding.item'::regclass)) as ReplicaIdentity,
               (select string_agg(a.attname::text, ',' order by k.ord)
                from pg_index i, unnest(i.indkey) with ordinality k (attnum, ord), pg_attribute a
                where i.indrelid = 'sharding.item'::regclass and i.indisprimary and a.attrelid = i.indrelid
                      and a.attnum = k.attnum) as PrimaryKey,
               pg_is_in_recovery() as IsStandby,
               coalesce((select string_agg(p.pubname::text, ', ' order by p.pubname) from pg_publication p
                         where starts_with(p.pubname::text, 'sharding_move_')
                           and not exists (
                               select from sharding.move m
                               where starts_with(p.pubname::text, 'sharding_move_' || replace(m.move_id::text, '-', '') || '_'))),
                        '') as StrayPublications,
               coalesce((select string_agg(slot_name::text, ', ' order by slot_name) from pg_replication_slots
                         where starts_with(slot_name::text, 'sharding_move_') and database = current_database() and not active),
                        '') as IdleSlots
        """;

    public static async Task<MoveAbility> ReadAsync(ShardDatabase source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return await connection.QuerySingleAsync<MoveAbility>(new CommandDefinition(Sql, cancellationToken: cancellation));
    }

    /// <summary>All problems that would make a move fail.</summary>
    public IEnumerable<string> Problems() =>
        ((string?[])[IsStandby ? "it is a standby." : null, .. Senders(), .. Rights(), Identity()]).OfType<string>();

    public IEnumerable<string> Senders()
    {
        if (FreeSlots < SlotsForEach)
            yield return $"there are fewer than {SlotsForEach} free replication slots (max_replication_slots).";
        if (FreeSenders < SlotsForEach)
            yield return $"there are fewer than {SlotsForEach} free WAL senders (max_wal_senders).";
    }

    public IEnumerable<string> Rights()
    {
        if (!MayReplicate)
            yield return "the user may not replicate (alter role … replication).";
        if (!MayPublish)
            yield return "the owner of the schema may not create publications (grant create on database … to …).";
        if (!SeesStandbys)
            yield return "the user may not see whether standbys have a step of a move on their disks (grant pg_monitor to …).";
    }

    public string? Identity() => this is { ReplicaIdentity: "d", PrimaryKey: "slot,collection,pk,id" }
        ? null
        : "the replica identity of sharding.item is not its primary key (alter table sharding.item replica identity default).";

    public IEnumerable<string> LeftOvers()
    {
        if (StrayPublications.Length > 0)
            yield return $"the publications {StrayPublications} belong to no batch in its journal.";
        if (IdleSlots.Length > 0)
            yield return $"nobody reads from the replication slots {IdleSlots}, which hold WAL back.";
    }
}
