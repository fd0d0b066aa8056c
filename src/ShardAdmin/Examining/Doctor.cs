using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards.History;

namespace ShardAdmin.Examining;

/// <summary>
/// Checks all preconditions and looks for leftovers. Each problem comes with the command that repairs it. Changes nothing.
/// </summary>
internal sealed class Doctor(AdminSession session)
{
    public async Task<IReadOnlyList<Finding>> RunAsync(CancellationToken cancellation)
    {
        var findings = new List<Finding>();
        ShardRing? ring;
        try
        {
            findings.AddRange(await RedisChecks.RunAsync(session, cancellation));
            (var finding, ring) = await ReadRingAsync(cancellation);
            findings.Add(finding);
        }
        catch (RedisUnavailableException)
        {
            return [new Finding(
                "redis-reachable", FindingLevel.Unreachable, $"Redis at {session.Redis.Endpoint} does not answer.",
                "start Redis, or name it with --redis host:port (SHARDING_REDIS)")];
        }
        if (ring is null)
            return findings;
        var routers = await RouterLine.ListAsync(session, ring, cancellation);
        findings.Add(RouterFinding(routers));
        findings.Add(BackupPointStatus.FindingOf(await BackupPointStatus.ReadAsync(session, ring, cancellation)));
        if (ring.IsEmpty)
            return [.. findings, new Finding(
                "shards", FindingLevel.Failed, "The cluster has no shard yet.", "shardadmin add-shard s1 --host … --port … --database …")];

        var answers = await Reach.TryAllAsync(ring.Shards, shard => ShardExamination.RunAsync(session, shard, cancellation));
        var dead = answers.Values.Select(answer => answer.Problem).OfType<ShardUnreachableException>().ToArray();
        findings.Add(Finding.Of(
            "shards-reachable", FindingLevel.Unreachable, [.. dead.Select(problem => problem.Message)], $"All {ring.Shards.Length} answer.",
            dead.FirstOrDefault()?.Next ?? ""));
        findings.Add(RingAgeFinding(ring, routers, answers.Values.Select(answer => answer.Answer).OfType<ShardExamination>()));
        findings.Add(await HistoryFindingAsync(ring, cancellation));
        findings.Add(await ImportFindingAsync(ring, cancellation));
        findings.AddRange(ShardChecks.Of(
            ring,
            answers.Where(answer => answer.Value.Answer is not null).ToDictionary(answer => answer.Key, answer => answer.Value.Answer!)));
        return findings;
    }

    private async Task<(Finding Finding, ShardRing? Ring)> ReadRingAsync(CancellationToken cancellation)
    {
        try
        {
            var ring = await session.RequireRingAsync(cancellation);
            return (Finding.Ok("ring-readable", $"Epoch {ring.Epoch}, {Tables.Counted(ring.Shards.Length, "shard")}."), ring);
        }
        catch (CommandFailedException e)
        {
            return (new Finding("ring-readable", FindingLevel.Failed, e.Failure.Problem, e.Failure.Next), null);
        }
    }

    /// <summary>Reports shards that came back without commits that were seen before.</summary>
    private async Task<Finding> HistoryFindingAsync(ShardRing ring, CancellationToken cancellation)
    {
        var standings = await ShardLosses.ReadAsync(session, ring.Shards, cancellation);
        ShardStanding[] lost = [.. standings.Where(each => each.Loss is not null)];
        var known = standings.Count(each => each.Stored.Value is not null);
        return Finding.Of(
            "shard-history", FindingLevel.Failed, [.. lost.Select(ShardLosses.Sentence)],
            known == 0
                ? "No position was seen yet; routers and agents note the positions of shards."
                : $"For {known} of {standings.Count} shards a position was seen before, and none of them has lost commits.",
            lost.Length == 0 ? "" : $"{ShardLoss.NextFor(lost[0].Shard.Id)}   (docs/operations/runbook.md, \"A shard lost commits\")");
    }

    private async Task<Finding> ImportFindingAsync(ShardRing ring, CancellationToken cancellation)
    {
        const string check = "imports";
        try
        {
            var orphans = await new OrphanedImports(session).FindAsync(ring.Shards, ring.Shards, cancellation);
            return Finding.Of(
                check, FindingLevel.Warning,
                [.. orphans.Select(orphan =>
                    $"{orphan.Shard.Id}: batch {orphan.Batch} from {orphan.Source} is in no journal, and holds "
                    + $"{Tables.Counted(orphan.Importing.Count, "slot")} as importing; no move can bring anything there.")],
                "Each belongs to a batch in a journal.",
                string.Join("; ", orphans.Select(orphan => orphan.Mend).Distinct(StringComparer.Ordinal)));
        }
        catch (Exception e) when (e is ShardUnreachableException or CommandFailedException or PostgresException)
        {
            return new Finding(
                check, FindingLevel.Warning, "Not checked: this check needs every shard, with the schema of this program.",
                "start the shards that do not answer; shardadmin migrate");
        }
    }

    private static Finding RouterFinding(IReadOnlyList<RouterLine> routers) =>
        routers.Count == 0
            ? new Finding(
                "routers", FindingLevel.Warning, "No router is registered.",
                "start a router with the same SHARDING_REDIS and SHARDING_CLUSTER")
            : Finding.Of(
                "routers", FindingLevel.Warning,
                [.. routers.Where(router => router.Behind > 0)
                    .Select(router => $"Router {router.Id} is {Tables.Counted(router.Behind, "epoch")} behind.")],
                $"{Tables.Counted(routers.Count, "router")} with the current ring.",
                "shardadmin routers; a router that stays behind does not reach Redis: restart it");

    /// <summary>
    /// Reports an old ring, for instance of a Redis that was restored from an old copy. Routers keep their newer ring; they would ignore
    /// rings that follow the old one.
    /// </summary>
    private static Finding RingAgeFinding(ShardRing ring, IReadOnlyList<RouterLine> routers, IEnumerable<ShardExamination> shards)
    {
        var known = routers.Select(router => router.Epoch)
            .Concat(shards.SelectMany(shard => shard.Runs
                .Where(run => run.State != ShardCore.Shards.OwnershipState.Importing).Select(run => run.Epoch.Value)))
            .Concat(shards.Where(shard => shard.Identity?.Cluster == ring.Cluster).Select(shard => shard.Identity!.RingEpoch.Value))
            .Append(0).Max();
        return Finding.Of(
            "ring-current", FindingLevel.Failed,
            known <= ring.Epoch.Value
                ? []
                : [$"The ring in Redis has epoch {ring.Epoch}, but shards or routers know epoch {known}: Redis was set back, or a change "
                    + "stopped halfway."],
            "No shard and no router knows a later ring.", "shardadmin ring rebuild");
    }
}
