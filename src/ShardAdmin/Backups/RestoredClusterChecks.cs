using ShardAdmin.Collections;
using ShardAdmin.Output;
using ShardAdmin.Shards;
using ShardCore.Moves.Batches;
using ShardCore.Ring;

namespace ShardAdmin.Backups;

/// <summary>Checks whether the restored shards fit together. A pure function.</summary>
/// <param name="found">The shards that were asked and answered.</param>
/// <param name="isWhole">True: these are all shards of the backup point.</param>
internal sealed class RestoredClusterChecks(BackupPointDocument point, IReadOnlyDictionary<ShardId, RestoredShard> found, bool isWhole)
{
    public IEnumerable<Finding> All() => found.Values.Any(shard => shard.HasPoint(point))
        ? [Ownership(), Together(), .. Moves(), Collections()] : [Ownership()];

    /// <summary>The owners of all slots; null: not every shard is known.</summary>
    public OwnershipMap? Map { get; } = isWhole ? OwnershipMap.Of(found.ToDictionary(each => each.Key, each => each.Value.Runs)) : null;

    private Finding Ownership()
    {
        const string check = "ownership";
        if (Map is null)
            return new Finding(
                check, FindingLevel.Warning, "Not checked: this check needs every shard of the point.",
                $"shardadmin restore check {point.Name}.backup.json   (without --shard, with all servers up)");
        return Map.IsComplete
            ? Finding.Ok(check, "Each of the 16,384 slots has exactly one owner.")
            : new Finding(check, FindingLevel.Failed, string.Join(" ", Map.Problems()), OwnershipMend());
    }

    private string OwnershipMend() =>
        Names(shard => !shard.HasPoint(point)) is { Length: > 0 } before ? $"restore {before} to the point"
        : Names(shard => shard.IsAtPoint).Length > 0 && Names(shard => !shard.IsAtPoint) is { Length: > 0 } beyond
            ? $"restore {beyond} to the point too: it went beyond, and slots have moved since"
        : "shardadmin ring rebuild   (completes released batches); if it refuses: docs/operations/runbook.md, \"Slots without an owner, or with "
            + "two\"";

    /// <summary>
    /// A partition is on one shard. Therefore shards that were restored to different moments fit together as long as their slots do.
    /// </summary>
    private Finding Together()
    {
        const string check = "together";
        var (at, beyond) = (Names(shard => shard.IsAtPoint), Names(shard => shard.HasPoint(point) && !shard.IsAtPoint));
        return at.Length > 0 && beyond.Length > 0
            ? new Finding(
                check, FindingLevel.Warning, $"{at} at the point, {beyond} beyond it: {beyond} also has writes from after the point.",
                "none, if that is wanted; otherwise restore these to the point too")
            : Finding.Ok(check, beyond.Length > 0
                ? "All shards that have the point went beyond it."
                : "All shards that have the point are exactly at it.");
    }

    private IEnumerable<Finding> Moves()
    {
        const string check = "moves";
        var operations = found.Values.SelectMany(shard => shard.Batches.Select(entry => (Source: shard.Shard.Id, entry.Batch)))
            .GroupBy(each => each.Batch.OperationId).ToArray();
        if (operations.Length == 0)
            yield return Finding.Ok(check, "None was under way.");
        foreach (var same in operations)
            yield return new Finding(
                check, FindingLevel.Warning,
                $"Operation {same.Key}: {string.Join(", ", same.Select(each => Batch(each.Source, each.Batch)))}. "
                    + $"No agent continues restored batches. If they are not wanted any more: shardadmin ops cancel {same.Key}",
                same.Any(each => each.Batch.Disputed is not null) ? $"shardadmin ops settle {same.Key}"
                    : $"shardadmin ops resume {same.Key}");
    }

    private static string Batch(ShardId source, MoveBatch batch) =>
        $"{source} → {batch.Target} {batch.Phase.ToString().ToLowerInvariant()}{(batch.Disputed is null ? "" : ", disputed")}";

    private Finding Collections()
    {
        var lines = CollectionSurvey.Of(
            found.Where(each => each.Value.HasPoint(point)).ToDictionary(each => each.Key, each => each.Value.Collections))
                .Where(line => line.State != "live").ToArray();
        return Finding.Of(
            "collections", FindingLevel.Warning,
            [.. lines.Select(line => line.State == "beingDeleted" ? $"{line.Name} was being deleted." : $"{line.Name} was being created: "
                + $"it is missing in {string.Join(", ", line.MissingIn)}.")],
            "The same everywhere.", string.Join(
                "; ", lines.Select(line => $"shardadmin collections {(line.State == "beingDeleted" ? "delete" : "create")} {line.Name}")));
    }

    private string Names(Func<RestoredShard, bool> which) =>
        string.Join(", ", found.Values.Where(which).Select(shard => shard.Shard.Id).Order());
}
