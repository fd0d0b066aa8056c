using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Sessions;
using ShardCore.Moves.Throttling;
using ShardCore.Ring;

namespace ShardCore.Moves.HandingOver;

/// <summary>
/// Compares a source's rows of slots that it gave away with the target's rows as they were at the hand-over. The source's rows do not
/// change any more.
/// </summary>
/// <remarks>
/// The target takes writes already. Before the first change of a row since the hand-over, the writer stores the hash that the row had
/// (<c>sharding.before_image</c>). So any process can read the state of that moment at any later time, until the comparison is over. Rows
/// that were changed by hand have no such entry, and so they are found.
/// </remarks>
internal sealed class HandOverComparison(MoveEnds ends, MoveOptions options)
{
    /// <summary>
    /// How long one piece of the comparison may take at the rate of the batch. The servers are busy with it during that time, and the next
    /// hand-over waits for it.
    /// </summary>
    internal static readonly TimeSpan AtOnce = TimeSpan.FromMilliseconds(100);

    /// <summary>The smallest piece, unless one slot has more.</summary>
    private const long MinAtOnceBytes = 1024 * 1024;

    /// <summary>
    /// The largest piece, also at full speed. The larger the pieces, the less is read twice (<see cref="Copying.PageOrder"/>).
    /// </summary>
    private const long MaxAtOnceBytes = 64 * 1024 * 1024;

    private const int SlotsAtOnce = 32; // if the size of the slots is not known

    /// <returns>The slots whose rows differ.</returns>
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

    /// <summary>How many slots have about this many bytes.</summary>
    private int SlotsFor(long bytes, MoveBatch batch) => Math.Max(options.Progress.Bytes, options.BytesPlanned ?? 0) is var all and > 0
        ? (int)Math.Clamp(bytes * batch.Slots.Length / all, 1, batch.Slots.Length)
        : SlotsAtOnce;
}
