using System.Diagnostics;

namespace LoadTests.Engine;

/// <summary>
/// Operations begin by a timetable, whatever becomes of the earlier ones, and their latency counts from the planned
/// start. So a server that stalls for a second is charged for everybody who would have come in that second; a closed
/// loop would just not have asked ("coordinated omission").
/// </summary>
/// <remarks>
/// 1. One thread follows the timetable and gives each operation to an idle session.
/// 2. When none is idle the planned start waits in a queue, and the session that is free next takes it.
/// </remarks>
internal sealed class OpenLoop(IEnumerable<ILoadSession> sessions, double ratePerSecond, LoadRecorder recorder)
{
    /// <summary>So many waiting operations mean that what is measured does not keep up; there is no latency to report then.</summary>
    public const int MaxWaiting = 1_000_000;

    private readonly Lock _gate = new();
    private readonly Queue<ILoadSession> _idle = new(sessions); // in turn: a connection that rests for a minute is closed by the proxy
    private readonly Queue<long> _waiting = new();
    private readonly Dictionary<ILoadSession, long> _begun = []; // the planned start of what each busy session is at
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _busy = 1; // 1: the timetable itself
    private long _next; // the planned start of what the timetable gives out next

    public async Task RunAsync()
    {
        await Task.Factory.StartNew(FollowTimetable, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await _drained.Task;
    }

    /// <summary>Whether an operation that was to begin before this moment has no answer yet, while the timetable is followed.</summary>
    public bool OwesAnswersBefore(long at)
    {
        if (Volatile.Read(ref _next) < at)
            return true; // the timetable may be late; what it has given out is below from then on
        lock (_gate)
            return (_waiting.TryPeek(out var planned) && planned < at) || _begun.Values.Any(begun => begun < at);
    }

    private void FollowTimetable()
    {
        var began = Stopwatch.GetTimestamp();
        for (long next = 0; !recorder.IsStopping; next++)
        {
            var planned = began + (long)(next / ratePerSecond * Stopwatch.Frequency);
            Volatile.Write(ref _next, planned); // after the one before is waiting or begun: nothing falls between
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

    /// <summary>In one step with becoming idle, or an operation could wait beside an idle session.</summary>
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
