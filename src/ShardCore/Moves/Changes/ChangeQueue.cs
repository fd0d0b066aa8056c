using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using NpgsqlTypes;

namespace ShardCore.Moves.Changes;

/// <summary>
/// The changes that were read from the source and are not applied yet, bounded by the memory that they take. One task adds, and one task
/// takes.
/// </summary>
/// <remarks>
/// A change gives its room back when it has been applied, and not already when it is taken. No task waits for ever: the task that takes
/// applies what it has before it waits for more. So an empty queue has all its room, and no change needs more than that.
/// </remarks>
internal sealed class ChangeQueue : IDisposable
{
    /// <summary>The units of room. At most so many transactions wait, and at most <see cref="UnitBytes"/> times as many bytes.</summary>
    internal const int Units = 256;

    internal const int UnitBytes = 64 * 1024;

    private readonly SemaphoreSlim _room = new(Units, Units);
    private readonly Channel<SourceChanges> _waiting = Channel.CreateUnbounded<SourceChanges>(
        new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    /// <summary>Whether all that was read has been applied.</summary>
    public bool IsEmpty => _room.CurrentCount == Units;

    /// <summary>Waits until there is room.</summary>
    public async ValueTask AddAsync(SourceChanges changes, CancellationToken cancellation)
    {
        for (var unit = UnitsOf(changes); unit > 0; unit--)
            await _room.WaitAsync(cancellation);
        await _waiting.Writer.WriteAsync(changes, cancellation);
    }

    /// <summary>Says that no more changes come.</summary>
    public void Complete() => _waiting.Writer.TryComplete();

    /// <returns>False: no more changes come.</returns>
    public ValueTask<bool> WaitAsync(CancellationToken cancellation) => _waiting.Reader.WaitToReadAsync(cancellation);

    public bool TryTake([MaybeNullWhen(false)] out SourceChanges changes) => _waiting.Reader.TryRead(out changes);

    /// <summary>Gives back the room of a change that was taken.</summary>
    public void Applied(SourceChanges changes) => _room.Release(UnitsOf(changes));

    private static int UnitsOf(SourceChanges changes) => (int)Math.Clamp((changes.Bytes + UnitBytes - 1) / UnitBytes, 1, Units);

    public void Dispose() => _room.Dispose();
}

/// <summary>
/// One committed transaction of the source, with its changes to the slots of this move, in their order. A large transaction comes in
/// pieces, so it need not fit into memory. The target may therefore have a part of a transaction. That is safe, because nobody sees its
/// rows before the hand-over, and the marker of the hand-over comes behind the whole transaction.
/// </summary>
/// <param name="EndLsn">
/// The position behind the commit, which may be acknowledged when the changes are applied. The end of a RelationMessage or of a single
/// change must not be used for that: it is 0/0 or within the transaction. Null: more of the transaction follows.
/// </param>
/// <param name="Markers">The logical messages of the transaction, as prefix and text. They come with its last piece.</param>
/// <param name="Bytes">About how much memory it takes.</param>
internal sealed record SourceChanges(
    NpgsqlLogSequenceNumber? EndLsn, IReadOnlyList<RowChange> Changes, IReadOnlyList<(string Prefix, string Text)> Markers, long Bytes);
