using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardAdmin.Backups;

/// <summary>Whether what came back of a cluster is what a backup point says, and fits together. Only looks.</summary>
/// <param name="at">Where shards are now, if it is not where the ring in Redis says, or the document where Redis has no ring.</param>
/// <param name="only">Of these shards; empty: of all.</param>
internal sealed class RestoreCheck(
    AdminSession session, BackupPointDocument point, IReadOnlyDictionary<ShardId, ShardAddress> at, IReadOnlyCollection<ShardId> only)
{
    public async Task<RestoreReport> RunAsync(string file, CancellationToken cancellation)
    {
        var ring = point.ReadRing();
        var known = point.Shards.ToDictionary(shard => new ShardId(shard.Id));
        Require(known.Keys);
        var (published, problem) = await PublishedAsync(cancellation);
        Shard[] shards = [.. ring.Shards.Where(shard => only.Count == 0 || only.Contains(shard.Id))
            .Select(shard => Placed(shard, published))];
        var answers = await Reach.TryAllAsync(
            shards, shard => RestoredShard.ReadAsync(session.Source(shard), shard, point, known[shard.Id], cancellation));
        var found = shards.Where(shard => answers[shard.Id].Answer is not null)
            .ToDictionary(shard => shard.Id, shard => answers[shard.Id].Answer!);
        var checks = new RestoredShardChecks(point);
        RestoredShardLine[] lines = [.. shards.Select(shard => new RestoredShardLine(
            shard.Id.Value, shard.Address,
            answers[shard.Id] is { Problem: { } dead }
                ? [Unreachable(shard, dead)]
                : [.. checks.Of(found[shard.Id], known[shard.Id])]))];
        var together = new RestoredClusterChecks(point, found, found.Count == point.Shards.Count);
        Finding[] cluster = [.. together.All()];
        var findings = lines.SelectMany(line => line.Checks).Concat(cluster).ToArray();
        var next = findings.Any(finding => finding.Level > FindingLevel.Warning)
            ? RestorePlan.ToMend(findings, file)
            : await new RestorePlan(session, shards, found, published, problem).NextAsync(together.Map, cluster, cancellation);
        var worst = findings.Max(finding => finding.Level);
        return new RestoreReport(worst <= FindingLevel.Warning, point.Name, point.At, worst, lines, cluster, next);
    }

    private static Finding Unreachable(Shard shard, ShardUnreachableException dead) => new(
        "reachable", FindingLevel.Unreachable, dead.Message,
        $"{dead.Next}; or, if it stands elsewhere now: --at {shard.Id}=host:port/database");

    /// <summary>A ring of this very cluster; null: there is none, or it cannot be used, and why if not.</summary>
    private async Task<(ShardRing? Ring, string? Problem)> PublishedAsync(CancellationToken cancellation)
    {
        try
        {
            var ring = await session.FindRingAsync(cancellation);
            return ring is null ? (null, "Redis has no ring") : ring.Cluster.Id == point.ClusterId ? (ring, null)
                : (null, "Redis has the ring of another cluster");
        }
        catch (CommandFailedException)
        {
            return (null, "the ring in Redis cannot be used");
        }
        catch (RedisUnavailableException)
        {
            return (null, $"Redis at {session.Redis.Endpoint} does not answer");
        }
    }

    private Shard Placed(Shard shard, ShardRing? published) =>
        at.TryGetValue(shard.Id, out var place) ? shard with { At = place } : published?.Find(shard.Id) ?? shard;

    private void Require(IReadOnlyCollection<ShardId> known)
    {
        if (at.Keys.Concat(only).FirstOrDefault(shard => !known.Contains(shard)) is { Value.Length: > 0 } stranger)
            throw new CommandFailedException(
                ExitCode.Usage, $"The backup point {point.Name} has no shard {stranger}; it has {string.Join(", ", known.Order())}.",
                "shardadmin restore check --help");
    }
}

/// <param name="Ok">Nothing failed, and every shard answered.</param>
/// <param name="Next">What to type, in this order.</param>
internal sealed record RestoreReport(
    bool Ok, string Point, DateTimeOffset At, FindingLevel Worst,
    IReadOnlyList<RestoredShardLine> Shards, IReadOnlyList<Finding> Cluster, IReadOnlyList<RestoreStep> Next);

/// <param name="Address">Where it was asked.</param>
internal sealed record RestoredShardLine(string Id, string Address, IReadOnlyList<Finding> Checks);

/// <param name="Why">For people.</param>
internal sealed record RestoreStep(string Command, string Why);
