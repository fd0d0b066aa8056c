using System.Diagnostics;

namespace ShardCore.Moves.Throttling;

/// <summary>
/// A limit on how fast moves load the machines. It is a token bucket that all connections and batches of an operation share. Other work
/// than copied bytes is counted as the number of bytes that would cost about as much.
/// </summary>
/// <param name="bytesPerSecond">The rate; null: no limit.</param>
/// <param name="within">A wider rate, of which this rate takes a part; null: none.</param>
public sealed class CopyRate(double? bytesPerSecond, CopyRate? within = null)
{
    /// <summary>The cost of deleting a row of the source after the move, including WAL and the later vacuum of the dead row.</summary>
    public const int BytesPerDeletedRow = 100;

    /// <summary>The cost of reading a copied byte again on both sides to compare it: a fifth of the cost of copying it.</summary>
    public const double ComparedShare = 0.2;

    /// <summary>
    /// The cost of each of a batch's eleven steps, even if the batch has little data: sessions, publication and replication slot, the
    /// hand-over, a new ring. Measured on two cores: all steps together take about a sixth of a second of processor time, in which two
    /// megabytes are copied.
    /// </summary>
    public const int BytesPerStep = 192 * 1024;

    /// <summary>Bytes of the rate that were not used may be used later, for up to this time.</summary>
    private static readonly TimeSpan Burst = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private double? _bytesPerSecond = bytesPerSecond;
    private TimeSpan _paidUntil;
    private long _spent;

    /// <summary>The bytes that were spent since the beginning, even if nobody had to wait for them.</summary>
    public long Spent => Interlocked.Read(ref _spent);

    /// <summary>The lower of this rate and the wider rate; null: no limit.</summary>
    public double? Narrowest =>
        (BytesPerSecond, within?.Narrowest) is ({ } own, { } wider) ? Math.Min(own, wider) : BytesPerSecond ?? within?.Narrowest;

    /// <summary>The rate. It may be changed at any time. Null: no limit.</summary>
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
                // A debt at the old rate is converted to the new rate. Otherwise the wait for a slow moment would go on after that moment.
                var debt = _paidUntil - _clock.Elapsed;
                if (debt > TimeSpan.Zero && _bytesPerSecond is { } old && value is { } rate)
                    _paidUntil = _clock.Elapsed + debt * (old / rate);
                _bytesPerSecond = value;
            }
        }
    }

    /// <summary>How many pieces of work the rate allows in a time, if each counts as so many bytes.</summary>
    public long Within(TimeSpan time, double bytesEach, long least, long most) =>
        (long)Math.Clamp(Narrowest * time.TotalSeconds / bytesEach ?? most, least, most);

    /// <summary>Waits until these bytes are within the rate.</summary>
    public async ValueTask SpendAsync(long bytes, CancellationToken cancellation)
    {
        if (within is not null)
            await within.SpendAsync(bytes, cancellation);
        await SpendHereAsync(bytes, cancellation);
    }

    /// <summary>The same for work that is no copied bytes. It takes nothing from a wider rate, because people set that in bytes.</summary>
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
