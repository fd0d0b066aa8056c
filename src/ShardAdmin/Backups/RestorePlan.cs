using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards.History;

namespace ShardAdmin.Backups;

/// <summary>What to type after a restore, in this order.</summary>
/// <param name="shards">All of the point, with their present addresses.</param>
/// <param name="published">The ring in Redis; null: there is none to go by.</param>
/// <param name="problem">Why there is none.</param>
internal sealed class RestorePlan(
    AdminSession session,
    IReadOnlyCollection<Shard> shards, IReadOnlyDictionary<ShardId, RestoredShard> found, ShardRing? published, string? problem)
{
    /// <summary>First what failed; each command once.</summary>
    public static IReadOnlyList<RestoreStep> ToMend(IEnumerable<Finding> findings, string file) =>
        [.. findings.Where(finding => finding.Level > FindingLevel.Warning && finding.Mend is not null)
            .Select(finding => new RestoreStep(finding.Mend!, finding.Detail)).DistinctBy(step => step.Command, StringComparer.Ordinal),
            new RestoreStep($"shardadmin restore check {file}", "until nothing fails")];

    /// <param name="map">Null: not every shard was asked, so nobody knows what the ring is.</param>
    /// <param name="cluster">With the commands for what was under way.</param>
    public async Task<IReadOnlyList<RestoreStep>> NextAsync(OwnershipMap? map, IEnumerable<Finding> cluster, CancellationToken cancellation)
    {
        var steps = new List<RestoreStep>();
        if (map is not null && RingStep(map) is { } ring)
            steps.Add(ring);
        steps.AddRange(await LossesAsync(cancellation));
        steps.AddRange(
            cluster.Where(finding => finding is { Level: FindingLevel.Warning, Check: "moves" or "collections" })
                .Select(finding => new RestoreStep(finding.Mend!, finding.Detail)));
        if (map is not null)
            steps.AddRange(await OrphansAsync(cancellation));
        steps.Add(new RestoreStep("shardadmin doctor", "every check, each with its remedy"));
        steps.Add(new RestoreStep("shardadmin verify", "every slot and every row"));
        return steps;
    }

    /// <summary>The shards decide; the ring in Redis has to say the same, with the addresses of now.</summary>
    private RestoreStep? RingStep(OwnershipMap map)
    {
        if (published is not null && published.Epoch.Value >= map.HighestEpoch && published.Owners.SequenceEqual(map.Owners)
            && shards.All(shard => published.Find(shard.Id) == shard))
            return null;
        Shard[] elsewhere = [.. shards.Where(
            shard => !IsNamedBy(published?.Shards ?? shards, shard) || !IsNamedBy(found[shard.Id].Identity!.Shards, shard))];
        var words = elsewhere.Length > 0 ? string.Concat(elsewhere.Select(shard => $" --at {shard.Id}={shard.Address}"))
            : published is null ? $" --seed {shards.First().Address}" : "";
        return new RestoreStep(
            $"shardadmin ring rebuild{(published is null ? " --restored" : "")}{words}{(published is null ? "" : " --yes")}",
            problem ?? (elsewhere.Length > 0 ? "the ring in Redis names other addresses" : "the ring in Redis is not what the shards say"));
    }

    /// <summary>A source that was restored to an earlier moment than the target has no journal of a batch whose import the target has.</summary>
    private async Task<IEnumerable<RestoreStep>> OrphansAsync(CancellationToken cancellation) =>
        (await new OrphanedImports(session).FindAsync(shards, shards, cancellation)).Select(orphan => new RestoreStep(
            orphan.Mend, $"shard {orphan.Shard.Id} imports batch {orphan.Batch}, which began at the source behind its restore point")).DistinctBy(step => step.Command, StringComparer.Ordinal);

    private static bool IsNamedBy(IEnumerable<Shard> list, Shard shard) =>
        list.Any(each => each.Id == shard.Id && each.Address == shard.Address);

    /// <summary>Redis remembers positions that were seen after the point: routers and the agent would call this a loss, which it
    /// is.</summary>
    private async Task<IReadOnlyList<RestoreStep>> LossesAsync(CancellationToken cancellation)
    {
        try
        {
            return [.. (await ShardLosses.ReadAsync(session, shards, cancellation)).Where(each => each.Loss is not null)
                .Select(each => new RestoreStep($"{ShardLoss.NextFor(each.Shard.Id)} --yes", ShardLosses.Sentence(each)))];
        }
        catch (RedisUnavailableException)
        {
            return [];
        }
    }
}
