using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace ShardCore.Moves.Changes;

/// <summary>
/// What was read from the source and is not applied yet, bounded by the memory it takes. One adds, one takes.
/// </summary>
/// <remarks>
/// Room is had back when something has been applied, not when it is taken. Nobody waits for ever: whoever takes applies what he has before he waits for more, so an
/// empty queue has all its room, and nothing takes more than all.
/// </remarks>
internal sealed class ChangeQueue : IDisposable
{
    /// <summary>Of room, which is given in units: at most so many transactions, and at most <see cref="UnitBytes"/> times as many bytes, wait.</summary>
    internal const int Units = 256;

    internal const int UnitBytes = 64 * 1024;

    private readonly SemaphoreSlim _room = new(Units, Units);
    private readonly Channel<SourceChanges> _waiting = Channel.CreateUnbounded<SourceChanges>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    /// <summary>All that was read is applied.</summary>
    public bool IsEmpty => _room.CurrentCount == Units;

    /// <summary>Waits until there is room.</summary>
    public async ValueTask AddAsync(SourceChanges changes, CancellationToken cancellation)
    {
        for (var unit = UnitsOf(changes); unit > 0; unit--)
            await _room.WaitAsync(cancellation);
        await _waiting.Writer.WriteAsync(changes, cancellation);
    }

    /// <summary>Nothing comes any more.</summary>
    public void Complete() => _waiting.Writer.TryComplete();

    /// <returns>False: nothing comes any more.</returns>
    public ValueTask<bool> WaitAsync(CancellationToken cancellation) => _waiting.Reader.WaitToReadAsync(cancellation);

    public bool TryTake([MaybeNullWhen(false)] out SourceChanges changes) => _waiting.Reader.TryRead(out changes);

    /// <summary>Gives the room of what was taken back.</summary>
    public void Applied(SourceChanges changes) => _room.Release(UnitsOf(changes));

    private static int UnitsOf(SourceChanges changes) => (int)Math.Clamp((changes.Bytes + UnitBytes - 1) / UnitBytes, 1, Units);

    public void Dispose() => _room.Dispose();
}
