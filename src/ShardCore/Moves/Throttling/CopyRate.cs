using System.Diagnostics;

namespace ShardCore.Moves.Throttling;

/// <summary>
/// A cap on how fast moves burden the machines: a token bucket, shared by all connections and batches of an operation. What
/// burdens them beside the copied bytes is put down as the bytes that would cost about as much.
/// </summary>
/// <param name="bytesPerSecond">Null: as fast as it goes.</param>
/// <param name="within">A wider rate, of which this one takes a part; null: none.</param>
public sealed class CopyRate(double? bytesPerSecond, CopyRate? within = null)
{
    /// <summary>Deleting a row of the source when it has been moved, WAL and the dead row's later vacuum included.</summary>
    public const int BytesPerDeletedRow = 100;

    /// <summary>Reading a copied byte again on both sides to compare them: a fifth of bringing it over.</summary>
    public const double ComparedShare = 0.2;

    /// <summary>
    /// What each of a batch's eleven steps costs however little is in it: sessions, publication and replication slot, the hand-over, a new ring. Measured on two
    /// cores: all together about a sixth of a second of processor time, for which two megabytes are copied.
    /// </summary>
    public const int BytesPerStep = 192 * 1024;

    /// <summary>What was not used may be made up for this long.</summary>
    private static readonly TimeSpan Burst = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private double? _bytesPerSecond = bytesPerSecond;
    private TimeSpan _paidUntil;
    private long _spent;

    /// <summary>Bytes since the beginning, waited for or not.</summary>
    public long Spent => Interlocked.Read(ref _spent);

    /// <summary>With the wider rate in mind; null: as fast as it goes.</summary>
    public double? Narrowest => (BytesPerSecond, within?.Narrowest) is ({ } own, { } wider) ? Math.Min(own, wider) : BytesPerSecond ?? within?.Narrowest;

    /// <summary>May be changed at any time; null: as fast as it goes.</summary>
    public double? BytesPerSecond
    {
        get
        {
            lock (_gate)
                return _bytesPerSecond;
        }

        set
        {
            lock (_gate)
            {
                // What was owed at the old rate is owed at the new one, or a slow moment would be waited out after it is over.
                var debt = _paidUntil - _clock.Elapsed;
                if (debt > TimeSpan.Zero && _bytesPerSecond is { } old && value is { } rate)
                    _paidUntil = _clock.Elapsed + debt * (old / rate);
                _bytesPerSecond = value;
            }
        }
    }

    /// <summary>How many the rate gives in a time, of what counts as so many bytes each.</summary>
    public long Within(TimeSpan time, double bytesEach, long least, long most) => (long)Math.Clamp(Narrowest * time.TotalSeconds / bytesEach ?? most, least, most);

    /// <summary>Waits until these bytes are within the rate.</summary>
    public async ValueTask SpendAsync(long bytes, CancellationToken cancellation)
    {
        if (within is not null)
            await within.SpendAsync(bytes, cancellation);
        await SpendHereAsync(bytes, cancellation);
    }

    /// <summary>The same for what is no bytes: of a wider rate, which people set in bytes, it takes nothing.</summary>
    public async ValueTask SpendHereAsync(long bytes, CancellationToken cancellation)
    {
        Interlocked.Add(ref _spent, bytes);
        if (Owe(bytes) is { } wait && wait > TimeSpan.Zero)
            await Task.Delay(wait, cancellation);
    }

    private TimeSpan? Owe(long bytes)
    {
        lock (_gate)
        {
            if (_bytesPerSecond is not { } rate)
                return null;
            var now = _clock.Elapsed;
            _paidUntil = (_paidUntil > now - Burst ? _paidUntil : now - Burst) + TimeSpan.FromSeconds(bytes / rate);
            return _paidUntil - now;
        }
    }
}
