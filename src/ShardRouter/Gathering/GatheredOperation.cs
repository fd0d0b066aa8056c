using System.Diagnostics;
using System.Threading.Tasks.Sources;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Gathering;

/// <summary>One operation in a <see cref="GatherLane{TOperation,TResult}"/>, and the answer that its request waits for.</summary>
/// <remarks>
/// The states of an operation:
/// waiting: it is in the lane's queue, or behind earlier ones on its key.
/// waiting → taken (a worker put it into a statement) or waiting → given up (its time is over): one compare-and-set decides. So an
/// operation that was given up was certainly not sent.
/// taken → waiting: the statement was rolled back.
/// waiting → alone: it is carried out by a single call, which minds the deadline and can tell whether the write was applied.
/// </remarks>
internal sealed class GatheredOperation<TOperation, TResult>(TOperation operation, bool writes, string shard, CancellationToken deadline)
    : IValueTaskSource<Fenced<TResult>>
{
    private const int Waiting = 0;
    private const int Taken = 1;
    private const int GivenUp = 2;
    private const int Alone = 3;

    /// <summary>
    /// A gathered write whose time is over is answered "unknown" only after this grace. The statement that took the write ends sooner, by
    /// its own limit (<see cref="ShardCore.Shards.SessionSettings.Gathering"/>), and then the outcome is known.
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

    /// <summary>The most operations of a statement that this one goes with. Only the worker that has taken it sets this.</summary>
    public int Together { get; set; } = int.MaxValue;

    public long EnteredAt { get; } = Stopwatch.GetTimestamp();

    /// <summary>May be awaited only once.</summary>
    public ValueTask<Fenced<TResult>> Answer => new(this, _answer.Version);

    /// <summary>
    /// The operation is in a queue from now on. Only <see cref="WaitingOperations{TOperation,TResult}"/> calls this and the next two
    /// methods.
    /// </summary>
    public void Join(WaitingOperations<TOperation, TResult> queue)
    {
        _queue = queue;
        Volatile.Write(ref _waits, 1);
    }

    /// <returns>True for the first caller only: the operation has left the queue.</returns>
    public bool TryLeave() => Interlocked.Exchange(ref _waits, 0) == 1;

    /// <summary>Drops the operation's content. Nobody will ask for it.</summary>
    public void Empty() => _operation = default!;

    public bool IsAnswered => Volatile.Read(ref _answered) != 0;

    public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;

    /// <summary>
    /// The statement that took the operation was rolled back. If the operation's time ended before, it could not be given up then, and is
    /// given up now.
    /// </summary>
    public void PutBack()
    {
        Interlocked.Exchange(ref _state, Waiting);
        if (deadline.IsCancellationRequested)
            TryGiveUp(ShardFailure.DeadlineExceeded);
    }

    /// <returns>False: its time ended meanwhile.</returns>
    public bool TryTakeAlone() => Interlocked.CompareExchange(ref _state, Alone, Waiting) == Waiting;

    /// <summary>Ends the wait. The operation leaves its queue at once.</summary>
    /// <returns>False: it was taken already and may have been sent.</returns>
    public bool TryGiveUp(ShardFailure failure)
    {
        if (Interlocked.CompareExchange(ref _state, GivenUp, Waiting) != Waiting)
            return false;
        _queue?.Remove(this);
        return TryFail(failure, null);
    }

    /// <summary>The request's time is over. A statement that is under way goes on without the request.</summary>
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

    /// <param name="answer">The shard's answer.</param>
    /// <param name="onThisThread">
    /// True: the request goes on at once, within this call. False: it goes on when the pool has a thread for it.
    /// </param>
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

    /// <param name="error">A <see cref="ShardCallException"/>, or a defect that becomes the request's error.</param>
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

    void IValueTaskSource<Fenced<TResult>>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _answer.OnCompleted(continuation, state, token, flags);
}
