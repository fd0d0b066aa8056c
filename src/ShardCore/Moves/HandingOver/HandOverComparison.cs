using ShardCore.Moves.Failures;
using ShardCore.Moves.Throttling;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.HandingOver;

/// <summary>
/// Compares the rows that a source gave away, which do not change any more, with those of the target as they were at the hand-over.
/// </summary>
/// <remarks>
/// The target takes writes already. A writer keeps the hash of a row as it was before the row's first change since the hand-over
/// (<c>sharding.before_image</c>), so the state of
/// that moment can be read at any later time, by any process, until the comparison is over. Rows that were changed by hand have no such
/// entry and are found.
/// </remarks>
internal sealed class HandOverComparison(MoveEnds ends, MoveOptions options)
{
    /// <summary>
    /// The servers are busy with what is compared at once, and the next hand-over waits for it: so long, at the rate at which the batch
    /// goes.
    /// </summary>
    internal static readonly TimeSpan AtOnce = TimeSpan.FromMilliseconds(100);

    /// <summary>At least, unless there is more in one slot.</summary>
    private const long MinAtOnceBytes = 1024 * 1024;

    /// <summary>At most, also at full speed. The more at once, the less of it is read twice (<see cref="Copying.PageOrder"/>).</summary>
    private const long MaxAtOnceBytes = 64 * 1024 * 1024;

    private const int SlotsAtOnce = 32; // where it is not known how much is in them

    /// <returns>The slots whose rows are not the same.</returns>
    /// <exception cref="SessionLostException" />
    public async Task<IReadOnlyList<Slot>> DifferencesAsync(MoveBatch batch, CancellationToken cancellation)
    {
        var bytesASlot = options.Progress.Bytes * CopyRate.ComparedShare / batch.Slots.Length;
        await using var from = await ends.From.OpenAsync(cancellation);
        await using var to = await ends.To.OpenAsync(cancellation);
        var differing = new List<Slot>();
        foreach (var slots in batch.Slots.Chunk(SlotsFor(WithinRate(options.Rate), batch)))
        {
            await options.Rate.SpendAsync((long)(bytesASlot * slots.Length), cancellation);
            using var pass = await ends.Pipeline.Gate.PassAsync(cancellation);
            var given = SlotChecksums.ReadAsync(from, slots, cancellation);
            var taken = SlotChecksums.ReadAtHandOverAsync(to, slots, cancellation);
            await Task.WhenAll(given, taken);
            differing.AddRange(SlotChecksums.Differences(await given, await taken));
        }
        return differing;
    }

    private static long WithinRate(CopyRate rate) => rate.Within(AtOnce, CopyRate.ComparedShare, MinAtOnceBytes, MaxAtOnceBytes);

    /// <summary>How many slots have about so many bytes.</summary>
    private int SlotsFor(long bytes, MoveBatch batch) => Math.Max(options.Progress.Bytes, options.BytesPlanned ?? 0) is var all and > 0
        ? (int)Math.Clamp(bytes * batch.Slots.Length / all, 1, batch.Slots.Length)
        : SlotsAtOnce;
}
