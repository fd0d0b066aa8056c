using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Shards;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>Step 0 of a move: checks all preconditions before anything is changed, and reports all problems at once.</summary>
internal static class MovePreflight
{
    /// <summary>With a smaller limit a batch that falls behind a little loses its stream and begins again.</summary>
    public const long LeastSlotWalKeepMiB = 64;

    /// <exception cref="CommandFailedException">The message has every problem that was found.</exception>
    /// <exception cref="ShardUnreachableException" />
    public static async Task RequireAsync(AdminSession session, ShardRing ring, MovePlan plan, CancellationToken cancellation)
    {
        Shard[] sources = [.. plan.Moves.Select(move => move.From).DistinctBy(shard => shard.Id)];
        Shard[] all = [.. sources.Concat(plan.Moves.Select(move => move.To)).DistinctBy(shard => shard.Id)];
        var facts = await Preflight.ReadAsync(session, all, cancellation);
        Preflight.RequireUsable(all, facts);
        Preflight.RequireNotForeign(all, facts, ring.Cluster.Name, ring.Cluster.Id);
        SchemaMigration.RequireCurrent(
            facts.Where(fact => ring.Find(fact.Key) is not null).ToDictionary(fact => fact.Key, fact => fact.Value.Schema));
        await ShardLosses.RequireNoneAsync(session, [.. all.Where(shard => ring.Find(shard.Id) is not null)], cancellation);
        await RequireNotImportedAsync(session, ring, plan, cancellation);
        var able = await Reach.AllAsync(sources, source => MoveAbility.ReadAsync(session.Source(source), cancellation));
        string[] problems = [.. sources.SelectMany(source => ProblemsOf(facts[source.Id].Server).Concat(able[source.Id].Problems())
            .Select(problem => $"Shard {source.Id}: {problem}"))];
        if (problems.Length > 0)
            throw new CommandFailedException(
                ExitCode.Precondition, string.Join(" ", problems),
                "repair this, then the same command again; shardadmin doctor shows the settings of all shards");
        foreach (var source in sources.Where(source => facts[source.Id].Server.SlotWalKeepMiB == ServerFacts.Unlimited))
            session.Output.Warn(
                $"Shard {source.Id} keeps WAL without limit for a move that falls behind (max_slot_wal_keep_size = -1): watch its disk.");
    }

    private static IEnumerable<string> ProblemsOf(ServerFacts server)
    {
        if (server.WalLevel != "logical")
            yield return $"wal_level is {server.WalLevel}; moves need logical (alter system set wal_level = 'logical', then restart).";
        if (server.SlotWalKeepMiB is not ServerFacts.Unlimited and < LeastSlotWalKeepMiB)
            yield return $"max_slot_wal_keep_size is {server.SlotWalKeepMiB} MB; a move that falls behind by this amount loses its "
                + $"stream and begins again. Use at least {LeastSlotWalKeepMiB} MB, better gigabytes.";
    }

    /// <summary>
    /// Requires that no target still imports one of the slots for a move that is over: a target imports a slot for one move only. Shards
    /// that are not in the ring yet are skipped; joining ends such imports.
    /// </summary>
    private static async Task RequireNotImportedAsync(
        AdminSession session, ShardRing ring, MovePlan plan, CancellationToken cancellation)
    {
        Shard[] targets = [.. plan.Moves.Select(move => move.To).DistinctBy(shard => shard.Id)
            .Where(shard => ring.Find(shard.Id) is not null)];
        var orphans = await new OrphanedImports(session).FindAsync(targets, ring.Shards, cancellation);
        if (orphans.FirstOrDefault(orphan =>
            plan.Moves.Any(move => move.To.Id == orphan.Shard.Id && move.Slots.Any(orphan.Importing.Contains))) is { } other)
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"Shard {other.Shard.Id} imports slots {SlotText.Of(other.Importing)} for batch {other.Batch}, which no journal has: "
                + "its move is over.",
                other.Mend);
    }
}
