using System.Diagnostics;
using System.Threading.Tasks.Sources;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Gathering;

/// <summary>One operation in a <see cref="GatherLane{TOperation,TResult}"/>, and the answer that its request waits for.</summary>
/// <remarks>
/// waiting (in the lane's queue, or behind earlier ones on its key) → taken (by a worker, into a statement) or waiting → given up (its time is over): one compare-and-set decides,
/// so what was given up is certain not to have been sent. taken → waiting again when the statement was rolled back, and then
/// → alone: from there on the single call minds the deadline, and can tell whether the write was applied.
/// </remarks>
internal sealed class GatheredOperation<TOperation, TResult>(TOperation operation, bool writes, string shard, CancellationToken deadline) : IValueTaskSource<Fenced<TResult>>
{
    private const int Waiting = 0;
    private const int Taken = 1;
    private const int GivenUp = 2;
    private const int Alone = 3;

    /// <summary>
    /// A gathered write whose time is over is answered "unknown" only after this: the statement that took it ends sooner, by its own limit
    /// (<see cref="ShardCore.Shards.SessionSettings.Gathering"/>), and then it is known.
    /// </summary>
    private static readonly TimeSpan StatementGrace = TimeSpan.FromMilliseconds(400);

    private ManualResetValueTaskSourceCore<Fenced<TResult>> _answer = new() { RunContinuationsAsynchronously = true };
    private TOperation _operation = operation;
    private WaitingOperations<TOperation, TResult>? _queue;
    private int _waits;
    private int _state;
    private int _answered;

    public TOperation Operation => _operation;

    public CancellationToken Deadline => deadline;

    public long EnteredAt { get; } = Stopwatch.GetTimestamp();

    /// <summary>To be awaited once.</summary>
    public ValueTask<Fenced<TResult>> Answer => new(this, _answer.Version);

    /// <summary>It stands in a queue from now on. By <see cref="WaitingOperations{TOperation,TResult}"/> only, like the next two.</summary>
    public void Join(WaitingOperations<TOperation, TResult> queue)
    {
        _queue = queue;
        Volatile.Write(ref _waits, 1);
    }

    /// <returns>True once: it does not stand there any more.</returns>
    public bool TryLeave() => Interlocked.Exchange(ref _waits, 0) == 1;

    /// <summary>Nobody will ask what it was about.</summary>
    public void Empty() => _operation = default!;

    public bool IsAnswered => Volatile.Read(ref _answered) != 0;

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

    /// <summary>Ends its wait. It leaves its queue at once.</summary>
    /// <returns>False: it was taken already and may have been sent.</returns>
    public bool TryGiveUp(ShardFailure failure)
    {
        if (Interlocked.CompareExchange(ref _state, GivenUp, Waiting) != Waiting)
            return false;
        _queue?.Remove(this);
        return TryFail(failure, null);
    }

    /// <summary>The request's time is over. What is under way goes on without it.</summary>
    public void Expire()
    {
        if (TryGiveUp(ShardFailure.DeadlineExceeded) || Volatile.Read(ref _state) != Taken)
            return;
        if (writes)
            _ = ExpireLaterAsync();
        else
            TryFail(ShardFailure.DeadlineExceeded, null);
    }

    private async Task ExpireLaterAsync()
    {
        await Task.Delay(StatementGrace, CancellationToken.None);
        if (Volatile.Read(ref _state) == Taken)
            TryFail(ShardFailure.OutcomeUnknown, null);
    }

    /// <param name="answer">What the shard said.</param>
    /// <param name="onThisThread">The request goes on at once, within this call; false: as soon as the pool has a thread for it.</param>
    /// <returns>False: it has an answer already.</returns>
    public bool TryAnswer(Fenced<TResult> answer, bool onThisThread)
    {
        if (!IsFirst())
            return false;
        _answer.RunContinuationsAsynchronously = !onThisThread;
        _answer.SetResult(answer);
        return true;
    }

    public bool TryFail(ShardFailure failure, Exception? cause) => TryFail(new ShardCallException(failure, shard, cause));

    /// <param name="error">A <see cref="ShardCallException"/>, or a defect that the request shall show.</param>
    public bool TryFail(Exception error)
    {
        if (!IsFirst())
            return false;
        _answer.SetException(error);
        return true;
    }

    private bool IsFirst() => Interlocked.Exchange(ref _answered, 1) == 0;

    Fenced<TResult> IValueTaskSource<Fenced<TResult>>.GetResult(short token) => _answer.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<Fenced<TResult>>.GetStatus(short token) => _answer.GetStatus(token);

    void IValueTaskSource<Fenced<TResult>>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _answer.OnCompleted(continuation, state, token, flags);
}
