using Dapper;
using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>Step 0 of a move: whatever would make it fail later is told before anything is changed, all of it at once.</summary>
internal static class MovePreflight
{
    /// <summary>Of each source two batches stream at the same time: one is copied while the one before is handed over.</summary>
    private const int SlotsForEach = 2;

    private const string Sql = """
        select current_setting('max_replication_slots')::integer - (select count(*) from pg_replication_slots)::integer as FreeSlots,
               current_setting('max_wal_senders')::integer - (select count(*) from pg_stat_replication)::integer as FreeSenders,
               (select rolreplication or rolsuper from pg_roles where rolname = current_user) as MayReplicate,
               has_database_privilege(current_database(), 'create') as MayPublish,
               (select relreplident::text from pg_class where oid = 'sharding.item'::regclass) as ReplicaIdentity,
               (select string_agg(a.attname::text, ',' order by k.ord) from pg_index i, unnest(i.indkey) with ordinality k (attnum, ord), pg_attribute a
                where i.indrelid = 'sharding.item'::regclass and i.indisprimary and a.attrelid = i.indrelid and a.attnum = k.attnum) as PrimaryKey,
               pg_is_in_recovery() as IsStandby
        """;

    /// <exception cref="CommandFailedException">With every problem found.</exception>
    /// <exception cref="ShardUnreachableException" />
    public static async Task RequireAsync(AdminSession session, ShardRing ring, MovePlan plan, CancellationToken cancellation)
    {
        Shard[] sources = [.. plan.Moves.Select(move => move.From).DistinctBy(shard => shard.Id)];
        Shard[] all = [.. sources.Concat(plan.Moves.Select(move => move.To)).DistinctBy(shard => shard.Id)];
        var facts = await Preflight.ReadAsync(session, all, cancellation);
        Preflight.RequireUsable(all, facts);
        Preflight.RequireNotForeign(all, facts, ring.Cluster.Name, ring.Cluster.Id);
        SchemaMigration.RequireCurrent(facts.Where(fact => ring.Find(fact.Key) is not null).ToDictionary(fact => fact.Key, fact => fact.Value.Schema));
        var able = await Reach.AllAsync(sources, source => AskAsync(session.Source(source), cancellation));
        string[] problems = [.. sources.SelectMany(source => ProblemsOf(source, facts[source.Id].Server, able[source.Id]))];
        if (problems.Length > 0)
            throw new CommandFailedException(ExitCode.Precondition, string.Join(" ", problems), "mend that, then the same command again; shardadmin doctor tells the settings of all shards");
        foreach (var source in sources.Where(source => facts[source.Id].Server.MaxSlotWalKeepSize == "-1"))
            session.Output.Warn($"Shard {source.Id} keeps WAL without limit for a move that falls behind (max_slot_wal_keep_size = -1): watch its disk.");
    }

    private static IEnumerable<string> ProblemsOf(Shard source, ServerFacts server, Able able)
    {
        if (server.WalLevel != "logical")
            yield return $"Shard {source.Id}: wal_level is {server.WalLevel}; moving takes logical (alter system set wal_level = 'logical', then restart).";
        if (able.IsStandby)
            yield return $"Shard {source.Id} at {source.Address} is a standby.";
        if (able.FreeSlots < SlotsForEach)
            yield return $"Shard {source.Id} has fewer than {SlotsForEach} free replication slots (max_replication_slots).";
        if (able.FreeSenders < SlotsForEach)
            yield return $"Shard {source.Id} has fewer than {SlotsForEach} free WAL senders (max_wal_senders).";
        if (!able.MayReplicate)
            yield return $"The user at shard {source.Id} may not replicate (alter role … replication).";
        if (!able.MayPublish)
            yield return $"The user at shard {source.Id} may not create publications (grant create on database …).";
        if (able is not { ReplicaIdentity: "d", PrimaryKey: "slot,collection,pk,id" })
            yield return $"Shard {source.Id}: the replica identity of sharding.item is not its primary key (alter table sharding.item replica identity default).";
    }

    private static async Task<Able> AskAsync(NpgsqlDataSource source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation);
        return await connection.QuerySingleAsync<Able>(new CommandDefinition(Sql, cancellationToken: cancellation));
    }

    private sealed record Able(int FreeSlots, int FreeSenders, bool MayReplicate, bool MayPublish, string ReplicaIdentity, string PrimaryKey, bool IsStandby);
}
