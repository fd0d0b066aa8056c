using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardCore.Moves.Batches;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Verifying;

/// <summary>
/// Compares source and target of hand-overs. After a hand-over, and until a mover has compared the rows, both shards have a copy of them;
/// only then two copies can be compared.
/// </summary>
internal sealed class HandOverVerifier(AdminSession session, ShardRing ring)
{
    private const int SlotsAtOnce = 64;

    public async Task<(IReadOnlyList<VerifyHandOver> HandOvers, IReadOnlyList<VerifyDifference> Differences)> RunAsync(
        IReadOnlySet<Slot> slots, CancellationToken cancellation)
    {
        var (handOvers, differences) = (new List<VerifyHandOver>(), new List<VerifyDifference>());
        foreach (var each in (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation))
            .Where(each => each.Batch.IsReleased() && each.Batch.Slots.Any(slots.Contains)))
        {
            if (each.Batch.Disputed is { } why)
                differences.Add(new VerifyDifference(
                    "disputed", TextOf(each.Batch.Slots), each.Batch.Target.Value,
                    $"{why} (move {each.Batch.Id}; shardadmin ops settle {each.Batch.OperationId})"));
            var (handOver, differing) = await CompareAsync(each, cancellation);
            handOvers.Add(handOver);
            if (differing.Count > 0)
                differences.Add(new VerifyDifference(
                    "hand-over-differs", SlotText.Of(differing), each.Batch.Target.Value,
                    $"When {each.Batch.Target} came to own these slots (move {each.Batch.Id}), its rows were not the same as those of "
                    + $"{each.Source.Id}. {each.Source.Id} still has its rows."));
        }
        return (handOvers, differences);
    }

    private async Task<(VerifyHandOver HandOver, IReadOnlyList<Slot> Differing)> CompareAsync(
        SourcedBatch each, CancellationToken cancellation)
    {
        VerifyHandOver Of(bool compared, long rows) => new(
            each.Batch.Id, each.Source.Id.Value, each.Batch.Target.Value, TextOf(each.Batch.Slots), compared, rows);
        if (ring.Find(each.Batch.Target) is not { } target || !await IsComparableAsync(target, each.Batch, cancellation))
            return (Of(compared: false, 0), []);
        var (rows, differing) = await DifferencesAsync(session.Source(each.Source), session.Source(target), each.Batch.Slots, cancellation);
        // Ask again: a mover may have compared the rows meanwhile and begun to delete them, which would look like a difference.
        return await IsComparableAsync(target, each.Batch, cancellation)
            ? (Of(compared: true, rows), differing)
            : (Of(compared: false, 0), []);
    }

    /// <summary>
    /// Whether both copies exist: the target keeps its rows of the hand-over until a mover has compared them, and the source keeps its rows
    /// longer.
    /// </summary>
    private async Task<bool> IsComparableAsync(Shard target, MoveBatch batch, CancellationToken cancellation) =>
        await ImportWord.AskAsync(session.Source(target), batch.Id, cancellation) is { State: ImportState.Owned, IsCompared: false };

    private static async Task<(long Rows, IReadOnlyList<Slot> Differing)> DifferencesAsync(
        ShardDatabase source, ShardDatabase target, IEnumerable<Slot> slots, CancellationToken cancellation)
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

    private static string TextOf(IEnumerable<Slot> slots) =>
        SlotText.OfNumbers(slots.Select(slot => (int)slot.Value).Order(), int.MaxValue);
}
