using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardCore.Moves;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>What was handed over and not compared yet stands on two shards: the one place where two copies can be compared.</summary>
internal sealed class HandOverVerifier(AdminSession session, ShardRing ring)
{
    private const int SlotsAtOnce = 64;

    public async Task<(IReadOnlyList<VerifyHandOver> HandOvers, IReadOnlyList<VerifyDifference> Differences)> RunAsync(IReadOnlySet<Slot> slots, CancellationToken cancellation)
    {
        var (handOvers, differences) = (new List<VerifyHandOver>(), new List<VerifyDifference>());
        foreach (var each in (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => each.Batch.IsReleased() && each.Batch.Slots.Any(slots.Contains)))
        {
            if (each.Batch.Disputed is { } why)
                differences.Add(new VerifyDifference("disputed", TextOf(each.Batch.Slots), each.Batch.Target.Value, $"{why} (move {each.Batch.Id}; shardadmin ops settle {each.Batch.OperationId})"));
            var (handOver, differing) = await CompareAsync(each, cancellation);
            handOvers.Add(handOver);
            if (differing.Count > 0)
                differences.Add(new VerifyDifference(
                    "hand-over-differs", SlotText.Of(differing), each.Batch.Target.Value,
                    $"Rows that {each.Source.Id} gave to {each.Batch.Target} (move {each.Batch.Id}) were not there as they should be when {each.Batch.Target} came to own them. The rows of {each.Source.Id} are still there."));
        }
        return (handOvers, differences);
    }

    private async Task<(VerifyHandOver HandOver, IReadOnlyList<Slot> Differing)> CompareAsync(SourcedBatch each, CancellationToken cancellation)
    {
        VerifyHandOver Of(bool compared, long rows) => new(each.Batch.Id, each.Source.Id.Value, each.Batch.Target.Value, TextOf(each.Batch.Slots), compared, rows);
        if (ring.Find(each.Batch.Target) is not { } target || !await IsComparableAsync(target, each.Batch, cancellation))
            return (Of(compared: false, 0), []);
        var (rows, differing) = await DifferencesAsync(session.Source(each.Source), session.Source(target), each.Batch.Slots, cancellation);
        // A mover may have compared meanwhile, and have come to the deletion: that looks like a difference.
        return await IsComparableAsync(target, each.Batch, cancellation) ? (Of(compared: true, rows), differing) : (Of(compared: false, 0), []);
    }

    /// <summary>The target's state at the hand-over is kept until a mover has compared it; the source's rows are kept longer.</summary>
    private async Task<bool> IsComparableAsync(Shard target, MoveBatch batch, CancellationToken cancellation) =>
        await ImportWord.AskAsync(session.Source(target), batch.Id, cancellation) is { State: ImportState.Owned, IsCompared: false };

    private static async Task<(long Rows, IReadOnlyList<Slot> Differing)> DifferencesAsync(ShardDatabase source, ShardDatabase target, IEnumerable<Slot> slots, CancellationToken cancellation)
    {
        await using var from = await source.OpenAsync(cancellation);
        await using var to = await target.OpenAsync(cancellation);
        var (rows, differing) = (0L, new List<Slot>());
        foreach (var some in slots.Chunk(SlotsAtOnce))
        {
            var given = await SlotChecksums.ReadAsync(from, some, cancellation);
            differing.AddRange(SlotChecksums.Differences(given, await SlotChecksums.ReadAtHandOverAsync(to, some, cancellation)));
            rows += given.Values.Sum(slot => slot.Rows);
        }
        return (rows, differing);
    }

    private static string TextOf(IEnumerable<Slot> slots) => SlotText.OfNumbers(slots.Select(slot => (int)slot.Value).Order(), int.MaxValue);
}
