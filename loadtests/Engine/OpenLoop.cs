using System.Diagnostics;
using Workbench;

namespace LoadTests.Engine;

/// <summary>
/// Operations begin by a timetable, even if earlier ones are not answered yet, and their latency counts from the planned start. If a server
/// stalls for a second, all operations that were planned for this second show it. In a closed loop they would not even begin ("coordinated
/// omission").
/// </summary>
/// <remarks>
/// 1. One thread follows the timetable and gives each operation to an idle session.
/// 2. If no session is idle, the planned start waits in a queue, and the next free session takes it.
/// </remarks>
internal sealed class OpenLoop(IEnumerable<ILoadSession> sessions, double ratePerSecond, LoadRecorder recorder)
{
    /// <summary>If so many operations wait, the measured system does not keep up, and there is no latency to report.</summary>
    public const int MaxWaiting = 1_000_000;

    private readonly Lock _gate = new();
    private readonly Queue<ILoadSession> _idle = new(sessions); // used in turn, because the proxy closes a connection that is idle for a minute
    private readonly Queue<long> _waiting = new();
    private readonly Dictionary<ILoadSession, long> _begun = []; // the planned start of the present operation of each busy session
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _busy = 1; // 1: the timetable itself
    private long _next; // the planned start of the next operation

    public async Task RunAsync()
    {
        await Task.Factory.StartNew(FollowTimetable, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await _drained.Task;
    }

    /// <summary>Whether an operation that was planned before this moment has no answer yet, while the timetable is followed.</summary>
    public bool OwesAnswersBefore(long at)
    {
        if (Volatile.Read(ref _next) < at)
            return true; // the timetable may be late; operations that it has given out are checked below
        lock (_gate)
            return (_waiting.TryPeek(out var planned) && planned < at) || _begun.Values.Any(begun => begun < at);
    }

    private void FollowTimetable()
    {
        var began = Stopwatch.GetTimestamp();
        for (long next = 0; !recorder.IsStopping; next++)
        {
            var planned = began + (long)(next / ratePerSecond * Stopwatch.Frequency);
            Volatile.Write(ref _next, planned); // only when the operation before is waiting or begun: no operation is missed
            while (Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), planned) is { Ticks: > 0 } early && !recorder.IsStopping)
                PreciseSleep.For(early);
            Begin(planned);
        }
        Leave();
    }

    private void Begin(long planned)
    {
        ILoadSession? session;
        lock (_gate)
        {
            if (_idle.TryDequeue(out session))
            {
                _begun[session] = planned;
                _busy++;
            }
            else if (_waiting.Count < MaxWaiting)
                _waiting.Enqueue(planned);
            else
                recorder.Fail(new WrongAnswerException($"{MaxWaiting} operations wait for one of the sessions: the rate is more than what is measured can do."));
        }
        if (session is not null)
            _ = ServeAsync(session, planned);
    }

    private async Task ServeAsync(ILoadSession session, long planned)
    {
        try
        {
            do
            {
                try
                {
                    await session.StepAsync();
                    var now = Stopwatch.GetTimestamp();
                    recorder.Answered(planned, now);
                    session.Answered(planned, now);
                }
                catch (WrongAnswerException e) when (recorder.CountsFailures)
                {
                    recorder.CountFailure(e, planned);
                }
            }
            while (TakeWaiting(session, ref planned));
        }
        catch (Exception e)
        {
            recorder.Fail(e);
        }
        Leave();
    }

    /// <summary>Takes a waiting operation or makes the session idle, in one step: otherwise an operation could wait beside an idle
    /// session.</summary>
    private bool TakeWaiting(ILoadSession session, ref long planned)
    {
        lock (_gate)
        {
            if (_waiting.TryDequeue(out planned))
            {
                _begun[session] = planned;
                return true;
            }
            _begun.Remove(session);
            _idle.Enqueue(session);
            return false;
        }
    }

    private void Leave()
    {
        lock (_gate)
        {
            if (--_busy > 0)
                return;
        }
        _drained.TrySetResult();
    }
}
