using ShardAdmin.CommandLine;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards.History;

namespace ShardAdmin.Backups;

/// <summary>The commands to type after a restore, in their order.</summary>
/// <param name="shards">All shards of the backup point, with their present addresses.</param>
/// <param name="published">The ring in Redis; null: there is no usable one.</param>
/// <param name="problem">Why there is no usable ring.</param>
internal sealed class RestorePlan(
    AdminSession session,
    IReadOnlyCollection<Shard> shards, IReadOnlyDictionary<ShardId, RestoredShard> found, ShardRing? published, string? problem)
{
    /// <summary>The commands that repair the failed checks, each once.</summary>
    public static IReadOnlyList<RestoreStep> ToMend(IEnumerable<Finding> findings, string file) =>
        [.. findings.Where(finding => finding.Level > FindingLevel.Warning && finding.Mend is not null)
            .Select(finding => new RestoreStep(finding.Mend!, finding.Detail)).DistinctBy(step => step.Command, StringComparer.Ordinal),
            new RestoreStep($"shardadmin restore check {file}", "until nothing fails")];

    /// <param name="map">The owners of all slots; null: not every shard was asked, so the right ring is unknown.</param>
    /// <param name="cluster">The findings about all shards, with the commands for moves and collections that were under way.</param>
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
        steps.Add(new RestoreStep("shardadmin doctor", "runs every check and names the remedies"));
        steps.Add(new RestoreStep("shardadmin verify", "checks every slot and every row"));
        return steps;
    }

    /// <summary>The shards decide about ownership: the ring in Redis must say the same, with the present addresses.</summary>
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
            problem ?? (elsewhere.Length > 0
                ? "the ring in Redis names other addresses"
                : "the ring in Redis does not agree with the shards"));
    }

    /// <summary>
    /// Finds imports without a batch: a source that was restored to an earlier moment than the target has no journal entry of a batch that
    /// the target still imports.
    /// </summary>
    private async Task<IEnumerable<RestoreStep>> OrphansAsync(CancellationToken cancellation) =>
        (await new OrphanedImports(session).FindAsync(shards, shards, cancellation)).Select(orphan => new RestoreStep(
            orphan.Mend, $"shard {orphan.Shard.Id} imports batch {orphan.Batch}, which began at the source after its restore point"))
            .DistinctBy(step => step.Command, StringComparer.Ordinal);

    private static bool IsNamedBy(IEnumerable<Shard> list, Shard shard) =>
        list.Any(each => each.Id == shard.Id && each.Address == shard.Address);

    /// <summary>
    /// Accepts the commits that the restore lost. Redis remembers positions that were seen after the backup point, so routers and agents
    /// report a loss; and it is one.
    /// </summary>
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
