using System.Diagnostics;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Gathering;

/// <summary>One operation in a <see cref="GatherLane{TOperation,TResult}"/>, and the answer that its request waits for.</summary>
/// <remarks>
/// waiting → taken (by a worker, into a statement) or waiting → given up (its time is over): one compare-and-set decides,
/// so what was given up is certain not to have been sent. taken → waiting again when the statement was rolled back, and then
/// → alone: from there on the single call minds the deadline, and can tell whether the write was applied.
/// </remarks>
internal sealed class GatheredOperation<TOperation, TResult>(TOperation operation, bool writes, string shard, CancellationToken deadline)
    : TaskCompletionSource<Fenced<TResult>>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    private const int Waiting = 0;
    private const int Taken = 1;
    private const int GivenUp = 2;
    private const int Alone = 3;

    private int _state;

    public TOperation Operation => operation;

    public CancellationToken Deadline => deadline;

    public long EnteredAt { get; } = Stopwatch.GetTimestamp();

    public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;

    /// <summary>The statement that took it was rolled back. Its time may have ended just before, when it could not be given up.</summary>
    public void PutBack()
    {
        Interlocked.Exchange(ref _state, Waiting);
        if (deadline.IsCancellationRequested)
            TryGiveUp(ShardFailure.DeadlineExceeded);
    }

    /// <returns>False: its time was over meanwhile.</returns>
    public bool TryTakeAlone() => Interlocked.CompareExchange(ref _state, Alone, Waiting) == Waiting;

    /// <returns>False: it was taken already and may have been sent.</returns>
    public bool TryGiveUp(ShardFailure failure) =>
        Interlocked.CompareExchange(ref _state, GivenUp, Waiting) == Waiting && TryFail(failure, null);

    /// <summary>The request's time is over. What is under way goes on without it.</summary>
    public void Expire()
    {
        if (!TryGiveUp(ShardFailure.DeadlineExceeded) && Volatile.Read(ref _state) == Taken)
            TryFail(writes ? ShardFailure.OutcomeUnknown : ShardFailure.DeadlineExceeded, null);
    }

    public bool TryFail(ShardFailure failure, Exception? cause) => TrySetException(new ShardCallException(failure, shard, cause));
}
