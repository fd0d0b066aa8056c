using System.Globalization;
using System.Text.RegularExpressions;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Moves;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>Makes the ring again from the shards, for a Redis that lost it, was set back, or holds something else.</summary>
/// <remarks>
/// Steps: 1 what stands in Redis, good, bad or nothing · 2 the shard list: from the seeds' copies, then from those of the
/// shards they name, until no copy is newer · 3 slots between two owners, released and not yet taken, are taken: that is
/// past its point of no return and needs no ring; then every shard's ownership; each slot owned exactly once, or nothing
/// more is changed · 4 publish, above every epoch that was ever seen · 5 the shard list copies follow.
///
/// The shards decide, so the rebuilt ring equals the lost one but for its epoch (and the checksum over it). The epoch is
/// above all others because routers refuse to go back. A crash before 4 leaves nothing, after 4 copies with an older
/// epoch, which the next rebuild brings up to date.
/// </remarks>
/// <param name="at">Where shards are now, if not where the list says.</param>
/// <param name="isRestored">Shards went back to a backup, and nobody whom this asks knows the epochs that were given after it.</param>
internal sealed partial class RingRebuild(
    AdminSession session, IReadOnlyList<ShardAddress> seeds, IReadOnlyDictionary<ShardId, ShardAddress> at, bool isRestored)
{
    private const long MaxCredibleEpoch = RingKnowledge.MaxCredibleEpoch;

    /// <summary>More epochs than are given between two backups: each batch of a move gives one.</summary>
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
            await confirm($"Redis holds a readable ring, epoch {current.Epoch} of {current.Cluster}, that differs from what the shards say. Replace it?");
        if (text is not null && current is null)
            await session.Rings.RemoveUnreadableAsync(text, cancellation);
        var publisher = new RingPublisher(session);
        await publisher.PublishToRedisAsync(result.Ring, current?.Epoch, "ring rebuild", cancellation); // 4
        session.LeftOff = "The ring is published; some shard list copies may still have an older epoch. The same command brings them up to date.";
        await publisher.StoreListsAsync(result.Ring, cancellation); // 5
        return result;
    }

    /// <returns>The document, the ring if it is good, and what is wrong with it if it is not.</returns>
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
            current is null ? "Redis has no readable ring, so somebody has to say where a shard is." : "The ring in Redis has no shard, so there is nothing to rebuild it from.",
            "shardadmin ring rebuild --seed host:port/database   (or SHARDING_SEEDS)");
    }

    private async Task CompleteHandOversAsync(ShardList list, CancellationToken cancellation)
    {
        const string Completed = "The ring in Redis is as it was; slots that were between two owners have been taken by their new ones.";
        await new LostReleases(session).PutBackAsync(list.Shards, cancellation);
        foreach (var each in (await MoveJournals.UnfinishedAsync(session, list.Shards, cancellation)).Where(each => each.Batch.Phase <= MovePhase.Released))
            if (list.Shards.FirstOrDefault(shard => shard.Id == each.Batch.Target) is { } target)
            {
                session.LeftOff = Completed;
                await MoveRunner.MoverOf(session, each.Source, target, new MoveOptions()).SettleOwnerAsync(each.Batch.Id, cancellation);
            }
    }

    private async Task<RebuildResult> CompareAsync(
        ShardList list, string? text, ShardRing? current, string? problem, bool dryRun, CancellationToken cancellation)
    {
        var map = await ClusterOwnership.ReadAsync(session, list.Shards, cancellation);
        if (!map.IsComplete)
            throw new CommandFailedException(
                ExitCode.Precondition, "The shards do not own each slot exactly once. " + string.Join(" ", map.Problems()), NextFor(map, dryRun));
        var highest = Math.Max(Math.Max(list.Epoch.Value, map.HighestEpoch), await HighestOfRoutersAsync(cancellation));
        if (current is not null && current.Cluster == list.Cluster && current.Epoch.Value >= highest
            && current.Shards.SequenceEqual(list.Shards) && current.Owners.SequenceEqual(map.Owners))
            return new RebuildResult(RebuildOutcome.Agrees, current, null);
        highest = Math.Max(highest, Math.Max(current?.Epoch.Value ?? EpochWithin(text), await HighestSeenAsync(cancellation)));
        var ring = ShardRing.Create(list.Cluster, new Epoch(highest + (isRestored ? LostEpochs : 0)).Next(), list.Shards, map.Owners);
        return new RebuildResult(dryRun ? RebuildOutcome.WouldRebuild : RebuildOutcome.Rebuilt, ring, problem);
    }

    /// <summary>Released, but not taken: this command completes that first.</summary>
    private static string NextFor(OwnershipMap map, bool dryRun) =>
        dryRun && map.Unfinished.Count > 0 && !map.OwnedTwice.Any()
            ? $"shardadmin ring rebuild   ({map.Unfinished[0].From} released slots to {map.Unfinished[0].To}, which has not taken them; without --dry-run that is completed first)"
            : "shardadmin doctor; docs/runbook.md, \"Slots without an owner, or with two\"";

    /// <summary>Whoever remembers these would hold a lower one to be old.</summary>
    private async Task<long> HighestSeenAsync(CancellationToken cancellation)
    {
        var history = (await session.Rings.HistoryAsync(cancellation)).Select(entry => entry.Epoch);
        return history.Where(epoch => epoch < MaxCredibleEpoch).Append(0).Max();
    }

    private async Task<long> HighestOfRoutersAsync(CancellationToken cancellation) =>
        (await session.Routers.ListAsync(cancellation)).Select(router => router.Epoch).Where(epoch => epoch < MaxCredibleEpoch).Append(0).Max();

    /// <summary>The number that an unreadable document calls its epoch, if it can be made out.</summary>
    private static long EpochWithin(string? text) =>
        text is not null && EpochPattern().Match(text) is { Success: true } match
            && long.TryParse(match.Groups["epoch"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var epoch) && epoch < MaxCredibleEpoch
            ? epoch
            : 0;

    [GeneratedRegex("\"epoch\"\\s*:\\s*(?<epoch>[0-9]{1,19})", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex EpochPattern();
}
