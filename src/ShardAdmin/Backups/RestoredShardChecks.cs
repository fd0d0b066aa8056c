using ShardAdmin.Output;
using ShardCore.Ring;
using ShardCore.Shards.History;

namespace ShardAdmin.Backups;

/// <summary>Checks whether one database is the shard of the backup point and has reached the point. A pure function.</summary>
internal sealed class RestoredShardChecks(BackupPointDocument point)
{
    /// <param name="known">The same shard in the document.</param>
    public IEnumerable<Finding> Of(RestoredShard found, BackupShard known)
    {
        yield return Identity(found);
        yield return Server(found, known);
        yield return Point(found);
        if (found.HasPoint(point))
            yield return Slots(found, known);
    }

    private Finding Identity(RestoredShard found)
    {
        const string check = "identity";
        return found.Identity switch
        {
            { } own when own.Cluster.Id == point.ClusterId && own.Shard == found.Shard.Id =>
                Finding.Ok(check, $"Shard {own.Shard} of {own.Cluster}."),
            { } other => new Finding(check, FindingLevel.Failed, $"The database is shard {other.Shard} of {other.Cluster}.", At(found)),
            null => new Finding(check, FindingLevel.Failed, "The database is not a shard.", At(found)),
        };
    }

    private Finding Server(RestoredShard found, BackupShard known)
    {
        const string check = "server";
        if (found.System != known.System)
            return new Finding(
                check, FindingLevel.Failed,
                $"Another server: its system identifier is {found.System}, and at the point it was {known.System}.",
                $"restore {found.Shard.Id} from a backup of its server's files (pgBackRest, pg_basebackup); a dump has no restore points");
        if (found.Reading?.Now is not { } now)
            return new Finding(
                check, FindingLevel.Failed, "It is still recovering, or it waits at the point to be promoted.",
                $"psql -h {found.Shard.At.Hosts[0].Name} -p {found.Shard.At.Hosts[0].Port} -d {found.Shard.Database} "
                    + "-c 'select pg_wal_replay_resume()'   (ends a pause; with recovery_target_action = promote there is no pause)");
        var judged = HistoryJudgement.Of(known.Position, now, found.Timelines);
        if (judged.Verdict == HistoryVerdict.SameOrLater)
            return Finding.Ok(check, now.Timeline == known.Timeline
                ? $"Timeline {now.Timeline}, the same as at the point: it has not been restored since."
                : $"Timeline {now.Timeline}, which comes from timeline {known.Timeline}.");
        if (judged.IsHistoryUnread && found.HasPoint(point))
            return new Finding(
                check, FindingLevel.Warning,
                $"Timeline {now.Timeline}; this user may not read from which timeline it comes. The row of the point is there.",
                "alter role … replication, and a line for replication in pg_hba.conf; or nothing: the row is proof enough");
        return new Finding(
            check, FindingLevel.Failed,
            $"Timeline {now.Timeline} at {now.Lsn} does not contain {known.Lsn} of timeline {known.Timeline}, where the restore point is.",
            Again(found));
    }

    private Finding Point(RestoredShard found)
    {
        const string check = "point";
        if (found.Mark is null)
            return new Finding(
                check, FindingLevel.Failed, $"It does not have the point {point.Name}: it was restored to an earlier moment.",
                Again(found));
        if (!found.HasPoint(point))
            return new Finding(
                check, FindingLevel.Failed,
                $"Its point {point.Name} has the id {found.Mark.PointId}; the document is of another point ({point.Id}).",
                "use the document of that point");
        return Finding.Ok(check, found.IsAtPoint
            ? $"Exactly at {point.Name}."
            : $"Beyond {point.Name}: it also has writes from after the point.");
    }

    /// <summary>
    /// Compares the slots with the document. In a shard that went beyond the point slots may have moved since; whether each slot has one
    /// owner is checked for all shards together.
    /// </summary>
    private static Finding Slots(RestoredShard found, BackupShard known)
    {
        const string check = "slots";
        var then = EpochsOf(known.Owned);
        var now = EpochsOf(OwnedSlots.Of(found.Runs));
        Slot[] differing = [.. then.Keys.Union(now.Keys)
            .Where(slot => !then.TryGetValue(slot, out var one) || !now.TryGetValue(slot, out var other) || one != other).Order()];
        if (differing.Length == 0)
            return Finding.Ok(check, $"Owns {Tables.Counted(now.Count, "slot")}, all at the epochs of the point.");
        return found.IsAtPoint
            ? new Finding(
                check, FindingLevel.Failed,
                $"Slots {SlotText.Of(differing)} differ from the document: the shard owned {Tables.Counted(then.Count, "slot")} at the point "
                    + $"and owns {Tables.Count(now.Count)} now.",
                "docs/operations/runbook.md, \"Slots without an owner, or with two\"")
            : Finding.Ok(
                check,
                $"Owns {Tables.Counted(now.Count, "slot")}; moved from or to it since the point: {Tables.Counted(differing.Length, "slot")}.");
    }

    private static Dictionary<Slot, long> EpochsOf(IEnumerable<OwnedSlots> owned) =>
        owned.SelectMany(same => SlotText.Parse(same.Slots)!.Select(slot => (slot, same.Epoch)))
            .ToDictionary(each => each.slot, each => each.Epoch);

    private static string At(RestoredShard found) => $"name the right database: --at {found.Shard.Id}=host:port/database";

    private string Again(RestoredShard found) =>
        $"restore {found.Shard.Id} again, to the point: pgbackrest … --type=name --target={point.Name} --target-action=promote restore   "
            + $"(recovery_target_name = '{point.Name}')";
}
