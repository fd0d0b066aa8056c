using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardAdmin.Backups;

/// <summary>Checks whether restored shards match a backup point and fit together. Changes nothing.</summary>
/// <param name="at">
/// The present addresses of shards that are not where the ring in Redis says (or, if Redis has no ring, where the document says).
/// </param>
/// <param name="only">The shards to check; empty: all.</param>
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
        $"{dead.Next}; or, if the shard has another address now: --at {shard.Id}=host:port/database");

    /// <summary>Reads the ring of this cluster from Redis; null: there is no usable one, and Problem says why.</summary>
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

/// <param name="Ok">No check failed, and every shard answered.</param>
/// <param name="Next">The commands to type, in this order.</param>
internal sealed record RestoreReport(
    bool Ok, string Point, DateTimeOffset At, FindingLevel Worst,
    IReadOnlyList<RestoredShardLine> Shards, IReadOnlyList<Finding> Cluster, IReadOnlyList<RestoreStep> Next);

/// <param name="Address">The address at which the shard was asked.</param>
internal sealed record RestoredShardLine(string Id, string Address, IReadOnlyList<Finding> Checks);

/// <param name="Why">The reason, for people.</param>
internal sealed record RestoreStep(string Command, string Why);
