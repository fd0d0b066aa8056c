using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardCore.Shards.History;

namespace ShardAdmin.Backups;

/// <summary>Checks all conditions of a backup point before hand-overs are held, and reports all problems at once.</summary>
internal static class BackupPreflight
{
    private const string AbilitySql = """
        select has_function_privilege('pg_catalog.pg_create_restore_point(text)', 'execute') as MayPoint,
               has_function_privilege('pg_catalog.pg_switch_wal()', 'execute') as MaySwitch, current_user::text as Role,
               (select begun_at from sharding.backup_point where name = @name) as Used
        """;

    /// <returns>
    /// For each shard the name of its server. Shards in databases of the same server share one WAL, and therefore one restore point.
    /// </returns>
    /// <exception cref="CommandFailedException">The message has every problem that was found.</exception>
    /// <exception cref="ShardUnreachableException" />
    public static async Task<IReadOnlyDictionary<ShardId, string>> RequireAsync(
        AdminSession session, ShardRing ring, string name, CancellationToken cancellation)
    {
        if (ring.IsEmpty)
            throw new CommandFailedException(
                ExitCode.Precondition, "The cluster has no shard yet.", "shardadmin add-shard s1 --host … --port … --database …");
        var facts = await Preflight.ReadAsync(session, ring.Shards, cancellation);
        RequirePrimaries(ring, facts);
        Preflight.RequireUsable(ring.Shards, facts);
        Preflight.RequireNotForeign(ring.Shards, facts, ring.Cluster.Name, ring.Cluster.Id);
        SchemaMigration.RequireCurrent(facts.ToDictionary(fact => fact.Key, fact => fact.Value.Schema));
        var able = await Reach.AllAsync(ring.Shards, shard => ReadAsync(session.Source(shard), name, cancellation));
        RequireRights(ring, able);
        RequireNewName(ring, able, name);
        foreach (var lost in (await ShardLosses.ReadAsync(session, ring.Shards, cancellation)).Where(each => each.Loss is not null))
            session.Output.Warn($"{ShardLosses.Sentence(lost)} The backup point contains this shard as it is now. "
                + $"'{ShardLoss.NextFor(lost.Shard.Id)}' settles it.");
        return facts.ToDictionary(fact => fact.Key, fact => fact.Value.Server.Process);
    }

    private static void RequirePrimaries(ShardRing ring, IReadOnlyDictionary<ShardId, ShardFacts> facts)
    {
        string[] problems = [
            .. ring.Shards.Where(shard => facts[shard.Id].Server.IsStandby)
                .Select(shard => $"Shard {shard.Id} at {shard.Address} is a standby."),
            .. ring.Shards.Where(shard => facts[shard.Id].Server.WalLevel == "minimal")
                .Select(shard => $"Shard {shard.Id} has wal_level minimal, which does not allow a restore to a point.")];
        if (problems.Length > 0)
            throw new CommandFailedException(
                ExitCode.Precondition, string.Join(" ", problems),
                "make each address lead to a primary with wal_level logical (or replica), then the same command again");
    }

    private static void RequireRights(ShardRing ring, IReadOnlyDictionary<ShardId, BackupAbility> able)
    {
        Shard[] lacking = [.. ring.Shards.Where(shard => able[shard.Id] is not { MayPoint: true, MaySwitch: true })];
        if (lacking.Length > 0)
            throw new CommandFailedException(
                ExitCode.NotAllowed,
                $"The user {able[lacking[0].Id].Role} may not make restore points in shard "
                    + $"{string.Join(", ", lacking.Select(shard => shard.Id))}.",
                "as superuser in each of these databases: grant execute on function pg_create_restore_point(text), pg_switch_wal() to "
                    + $"{able[lacking[0].Id].Role}; then the same command again");
    }

    /// <summary>
    /// Postgres' recovery stops at the first restore point with a name, so each name may be used only once. A backup point that failed
    /// halfway has used its name too.
    /// </summary>
    private static void RequireNewName(ShardRing ring, IReadOnlyDictionary<ShardId, BackupAbility> able, string name)
    {
        if (ring.Shards.FirstOrDefault(shard => able[shard.Id].Used is not null) is { } shard)
            throw new CommandFailedException(
                ExitCode.Conflict, $"The name {name} is used already: shard {shard.Id} has a backup point with this name, begun at "
                    + $"{able[shard.Id].Used:u}.", "shardadmin backup point ANOTHER-NAME");
    }

    private static async Task<BackupAbility> ReadAsync(ShardDatabase source, string name, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return await connection.QuerySingleAsync<BackupAbility>(
            new CommandDefinition(AbilitySql, new { name }, cancellationToken: cancellation));
    }

    private sealed record BackupAbility(bool MayPoint, bool MaySwitch, string Role, DateTime? Used);
}
