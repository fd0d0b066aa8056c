namespace ShardRouter.Shards;

/// <summary>Waits for a call of a shard until its answer or the request's deadline, whichever comes first.</summary>
internal static class CallLimit
{
    /// <summary>After its deadline a call may take so long to confirm that it was stopped; then nobody waits for it any longer.</summary>
    private static readonly TimeSpan CancelLimit = TimeSpan.FromMilliseconds(250);

    /// <param name="call">Fails with <see cref="ShardCallException"/> only, cancellation included.</param>
    /// <param name="turn">Says whether the call was sent.</param>
    /// <param name="writes">An unanswered call may take effect.</param>
    /// <param name="shard">For the exception.</param>
    /// <param name="deadline">Cancelled when the request's time is over.</param>
    /// <exception cref="ShardCallException">The call's, or, if it did not stop: deadline-exceeded, for a write that was sent outcome-unknown.</exception>
    public static async Task<T> WithinAsync<T>(Task<T> call, CallTurn turn, bool writes, string shard, CancellationToken deadline)
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
            throw new ShardCallException(turn.Answer() && writes ? ShardFailure.OutcomeUnknown : ShardFailure.DeadlineExceeded, shard);
        }
    }
}
