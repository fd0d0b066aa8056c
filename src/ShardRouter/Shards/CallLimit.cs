using ShardRouter.Outcomes;

namespace ShardRouter.Shards;

/// <summary>Waits for a call of a shard until its answer or the request's deadline, whichever comes first.</summary>
internal static class CallLimit
{
    /// <summary>How long a call may take after its deadline to confirm that it was stopped. Then nobody waits for it any longer.</summary>
    private static readonly TimeSpan CancelLimit = TimeSpan.FromMilliseconds(250);

    /// <param name="call">It fails with <see cref="ShardCallException"/> only, also when it is cancelled.</param>
    /// <param name="turn">Says whether the call was sent.</param>
    /// <param name="writes">The call changes data, so it may take effect without an answer.</param>
    /// <param name="shard">For the exception.</param>
    /// <param name="deadline">Cancelled when the request's time is over.</param>
    /// <exception cref="ShardCallException">
    /// The call's own failure. If the call did not stop: outcome-unknown for a write that was sent, otherwise deadline-exceeded.
    /// </exception>
    public static async Task<T> WithinAsync<T>(Task<T> call, CallTurn turn, bool writes, string shard, CancellationToken deadline)
    {
        try
        {
            return await call.WaitAsync(deadline);
        }
        catch (OperationCanceledException)
        {
            // The wait was broken off, not the call. If the call ended at this very moment, it has the answer.
            await Task.WhenAny(call, Task.Delay(CancelLimit, CancellationToken.None));
            if (call.IsCompleted)
                return await call;
            _ = call.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw new ShardCallException(turn.Answer() && writes ? ShardFailure.OutcomeUnknown : ShardFailure.DeadlineExceeded, shard);
        }
    }
}
