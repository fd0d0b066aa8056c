using ShardRouter.Rings;
using ShardRouter.Shards;

namespace ShardRouter.Access;

/// <summary>
/// A look at the keys of all shards, for a key that this router does not know: it may have been created a moment ago. All requests that
/// wait share one look, and a look begins after whoever waits for it has come, so it finds every key that was there by then.
/// </summary>
/// <remarks>
/// Anybody can make up keys with a right checksum. What that costs is bounded: four looks a second, whatever comes, and no more requests
/// wait than <see cref="MaxWaiting"/>.
/// </remarks>
internal sealed class KeyLook(RingHolder holder, ShardPools pools, TimeProvider time)
{
    public const int MaxWaiting = 1024;

    private static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(250);

    /// <summary>A shard that hangs does not hold up who has a key that the others know.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private long _beganAt = time.GetTimestamp();
    private Task<bool>? _next;
    private int _waiting;

    public async Task<KeyLookEnd> WaitAsync()
    {
        try
        {
            if (Interlocked.Increment(ref _waiting) > MaxWaiting)
                return KeyLookEnd.TooManyWait;
            Task<bool> next;
            lock (_gate)
                next = _next ??= RunAsync();
            return await next ? KeyLookEnd.Looked : KeyLookEnd.NobodyAnswers;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <returns>Whether any shard answered. A key is in every shard, so one is enough to say that there is no such key.</returns>
    private async Task<bool> RunAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // the caller has the gate
        if (Spacing - time.GetElapsedTime(_beganAt) is var wait && wait > TimeSpan.Zero)
            await Task.Delay(wait, time);
        lock (_gate)
            (_next, _beganAt) = (null, time.GetTimestamp()); // who comes now waits for the one after this
        if (holder.Current is not { } ring)
            return false;
        var looks = pools.LookAtKeys(ring);
        await ((Task)Task.WhenAll(looks)).WaitAsync(Limit, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var look in looks)
            if (look.IsCompletedSuccessfully && await look)
                return true;
        return false;
    }
}

/// <summary>What came of a look.</summary>
internal enum KeyLookEnd
{
    Looked,

    /// <summary>No shard answered, so nobody knows whether there is such a key.</summary>
    NobodyAnswers,
    TooManyWait,
}
