using System.Diagnostics;

namespace ShardCore.Moves;

/// <summary>A cap on how fast data is copied: a token bucket, shared by all connections and batches of an operation.</summary>
/// <param name="bytesPerSecond">Null: as fast as it goes.</param>
public sealed class CopyRate(double? bytesPerSecond)
{
    /// <summary>What was not used may be made up for this long.</summary>
    private static readonly TimeSpan Burst = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _paidUntil;

    /// <summary>Waits until these bytes are within the rate.</summary>
    public async ValueTask SpendAsync(int bytes, CancellationToken cancellation)
    {
        if (bytesPerSecond is not { } rate)
            return;
        TimeSpan wait;
        lock (_gate)
        {
            var now = _clock.Elapsed;
            _paidUntil = (_paidUntil > now - Burst ? _paidUntil : now - Burst) + TimeSpan.FromSeconds(bytes / rate);
            wait = _paidUntil - now;
        }
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait, cancellation);
    }
}
