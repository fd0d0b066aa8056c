namespace ShardRouter.Shards;

/// <summary>Waits for a call of a shard until its answer or the request's deadline, whichever comes first.</summary>
internal static class CallLimit
{
    /// <summary>After its deadline a call may take so long to confirm that it was stopped; then it is left alone.</summary>
    private static readonly TimeSpan CancelLimit = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// A server that hangs does not take a cancellation either, so a call that does not stop is left to itself: it keeps its
    /// permit until its connection breaks, so the bulkhead still counts it.
    /// </summary>
    /// <param name="call">Fails with <see cref="ShardCallException"/> only, cancellation included.</param>
    /// <exception cref="ShardCallException">The call's, or, if it did not stop: deadline-exceeded, for a write outcome-unknown.</exception>
    public static async Task<T> WithinAsync<T>(Task<T> call, bool writes, string shard, CancellationToken deadline)
    {
        try
        {
            return await call.WaitAsync(deadline);
        }
        catch (OperationCanceledException)
        {
            // The wait was broken off, not the call. That may have ended in this very moment: then it has the answer.
            await Task.WhenAny(call, Task.Delay(CancelLimit, CancellationToken.None));
            if (call.IsCompleted)
                return await call;
            _ = call.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw new ShardCallException(writes ? ShardFailure.OutcomeUnknown : ShardFailure.DeadlineExceeded, shard);
        }
    }
}
