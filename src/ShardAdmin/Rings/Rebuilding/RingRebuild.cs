using System.Globalization;
using System.Text.RegularExpressions;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Rebalancing;
using ShardAdmin.Shards;
using ShardCore.Moves.Batches;
using ShardCore.Ring;
using ShardCore.RingDocuments;

namespace ShardAdmin.Rings.Rebuilding;

/// <summary>Rebuilds the ring in Redis from the shards, for a Redis that lost the ring, was set back, or has something else.</summary>
/// <remarks>
/// Steps: 1 read Redis: it may have a good ring, a bad one or none · 2 find the list of shards: first in the copies of the seeds, then in
/// the copies of the shards that these name, until no copy is newer · 3 complete hand-overs of slots that are between two owners (released,
/// but not owned by the target yet): a released batch can only go forward, and needs no ring for it; then read the ownership of all shards:
/// each slot must have exactly one owner, otherwise nothing more is changed · 4 publish the ring with an epoch above every known one ·
/// 5 update the shards' copies of the list.
///
/// The shards decide. Therefore the rebuilt ring equals the lost one, except for its epoch and checksum. The epoch must be above all
/// others, because routers refuse an older ring. A crash before 4 leaves nothing behind. A crash after 4 leaves copies with an older epoch;
/// the next rebuild updates them.
/// </remarks>
/// <param name="at">The present addresses of shards for which the list has old ones.</param>
/// <param name="isRestored">True: shards were restored from backups, and perhaps nobody knows the epochs that were used after the
/// backup.</param>
internal sealed partial class RingRebuild(
    AdminSession session, IReadOnlyList<ShardAddress> seeds, IReadOnlyDictionary<ShardId, ShardAddress> at, bool isRestored)
{
    private const long MaxCredibleEpoch = RingKnowledge.MaxCredibleEpoch;

    /// <summary>More epochs than are used between two backups: each batch of a move uses one.</summary>
    private const long LostEpochs = 1_000_000;

    public async Task<RebuildResult> RunAsync(bool dryRun, Func<string, Task> confirm, CancellationToken cancellation)
    {
        var (text, current, problem) = await ReadRedisAsync(cancellation); // 1
        var list = await new ShardListSearch(session, at).FindAsync(SeedsOr(current), cancellation); // 2
        if (dryRun)
            return await CompareAsync(list, text, current, problem, dryRun, cancellation);

        await using var held = await AdminLock.TakeAsync(session, list.Shards, cancellation);
        (text, current, problem) = await ReadRedisAsync(cancellation);
        list = await new ShardListSearch(session, at).FindAsync(SeedsOr(current), cancellation);
        await CompleteHandOversAsync(list, cancellation); // 3
        var result = await CompareAsync(list, text, current, problem, dryRun, cancellation);
        if (result.Outcome == RebuildOutcome.Agrees)
        {
            if (result.Ring.Epoch > list.Epoch || (list.HasLaggards && result.Ring.Epoch == list.Epoch))
                await new RingPublisher(session).StoreListsAsync(result.Ring, cancellation);
            return result;
        }
        if (current is not null)
            await confirm(
                $"Redis has a readable ring, epoch {current.Epoch} of {current.Cluster}, that does not agree with the shards. Replace it?");
        if (text is not null && current is null)
            await session.Rings.RemoveUnreadableAsync(text, cancellation);
        var publisher = new RingPublisher(session);
        await publisher.PublishToRedisAsync(result.Ring, current?.Epoch, "ring rebuild", cancellation); // 4
        session.LeftOff = "The ring is published; some shards' copies of the list may still have an older epoch. The same command updates "
            + "them.";
        await publisher.StoreListsAsync(result.Ring, cancellation); // 5
        return result;
    }

    /// <returns>The document; the ring, if it is valid; the problem, if it is not.</returns>
    private async Task<(string? Text, ShardRing? Ring, string? Problem)> ReadRedisAsync(CancellationToken cancellation)
    {
        var text = await session.Rings.ReadTextAsync(cancellation);
        if (text is null)
            return (null, null, null);
        try
        {
            var ring = RingDocumentCodec.Read(text);
            return ring.Cluster.Name == session.Settings.Cluster
                ? (text, ring, null)
                : (text, null, $"It is a ring of the cluster '{ring.Cluster.Name}'.");
        }
        catch (BadRingException e)
        {
            return (text, null, e.Message);
        }
    }

    private IReadOnlyList<ShardAddress> SeedsOr(ShardRing? current)
    {
        if (seeds.Count > 0)
            return seeds;
        if (current is { IsEmpty: false })
            return [.. current.Shards.Select(shard => shard.At)];
        throw new CommandFailedException(
            ExitCode.Usage,
            current is null
                ? "Redis has no readable ring, so you have to give the address of a shard."
                : "The ring in Redis has no shard, so there is nothing to rebuild it from.",
            "shardadmin ring rebuild --seed host:port/database   (or SHARDING_SEEDS)");
    }

    private async Task CompleteHandOversAsync(ShardList list, CancellationToken cancellation)
    {
        const string Completed = "The ring in Redis is unchanged; slots that were between two owners now belong to their new owners.";
        await new LostReleases(session).PutBackAsync(list.Shards, cancellation);
        foreach (var each in (await MoveJournals.UnfinishedAsync(session, list.Shards, cancellation))
            .Where(each => each.Batch.Phase <= MovePhase.Released))
            if (list.Shards.FirstOrDefault(shard => shard.Id == each.Batch.Target) is { } target)
            {
                session.LeftOff = Completed;
                await Movers.MoverOf(session, each.Source, target, new MoveOptions()).SettleOwnerAsync(each.Batch.Id, cancellation);
            }
    }

    private async Task<RebuildResult> CompareAsync(
        ShardList list, string? text, ShardRing? current, string? problem, bool dryRun, CancellationToken cancellation)
    {
        var map = await ClusterOwnership.ReadAsync(session, list.Shards, cancellation);
        if (!map.IsComplete)
            throw new CommandFailedException(
                ExitCode.Precondition, "Not every slot has exactly one owner. " + string.Join(" ", map.Problems()), NextFor(map, dryRun));
        var highest = Math.Max(Math.Max(list.Epoch.Value, map.HighestEpoch), await HighestOfRoutersAsync(cancellation));
        if (current is not null && current.Cluster == list.Cluster && current.Epoch.Value >= highest
            && current.Shards.SequenceEqual(list.Shards) && current.Owners.SequenceEqual(map.Owners))
            return new RebuildResult(RebuildOutcome.Agrees, current, null);
        highest = Math.Max(highest, Math.Max(current?.Epoch.Value ?? EpochWithin(text), await HighestSeenAsync(cancellation)));
        var ring = ShardRing.Create(list.Cluster, new Epoch(highest + (isRestored ? LostEpochs : 0)).Next(), list.Shards, map.Owners);
        return new RebuildResult(dryRun ? RebuildOutcome.WouldRebuild : RebuildOutcome.Rebuilt, ring, problem);
    }

    /// <summary>For a dry run with slots between two owners: without --dry-run this command completes their hand-over first.</summary>
    private static string NextFor(OwnershipMap map, bool dryRun) =>
        dryRun && map.Unfinished.Count > 0 && !map.OwnedTwice.Any()
            ? $"shardadmin ring rebuild   ({map.Unfinished[0].From} released slots to {map.Unfinished[0].To}, which does not own them yet; "
                + "without --dry-run this is completed first)"
            : "shardadmin doctor; docs/operations/runbook.md, \"Slots without an owner, or with two\"";

    /// <summary>The highest epoch in the ring's history: processes that know it would regard a lower one as old.</summary>
    private async Task<long> HighestSeenAsync(CancellationToken cancellation)
    {
        var history = (await session.Rings.HistoryAsync(cancellation)).Select(entry => entry.Epoch);
        return history.Where(epoch => epoch < MaxCredibleEpoch).Append(0).Max();
    }

    private async Task<long> HighestOfRoutersAsync(CancellationToken cancellation) =>
        (await session.Routers.ListAsync(cancellation)).Select(router => router.Epoch).Where(epoch => epoch < MaxCredibleEpoch)
            .Append(0).Max();

    /// <summary>The epoch in an unreadable document, if it can be found; otherwise 0.</summary>
    private static long EpochWithin(string? text) =>
        text is not null && EpochPattern().Match(text) is { Success: true } match
            && long.TryParse(match.Groups["epoch"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var epoch)
            && epoch < MaxCredibleEpoch
            ? epoch
            : 0;

    [GeneratedRegex("\"epoch\"\\s*:\\s*(?<epoch>[0-9]{1,19})", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex EpochPattern();
}
