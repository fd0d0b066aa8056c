using System.Diagnostics;
using Workbench;

namespace LoadTests.Engine;

/// <summary>Every session begins its next operation as soon as the last one was answered.</summary>
internal static class ClosedLoop
{
    public static Task RunAsync(IReadOnlyList<ILoadSession> sessions, LoadRecorder recorder) =>
        Task.WhenAll(sessions.Select(session => Task.Run(() => LoopAsync(session, recorder))));

    private static async Task LoopAsync(ILoadSession session, LoadRecorder recorder)
    {
        try
        {
            var beganAt = Stopwatch.GetTimestamp();
            while (!recorder.IsStopping)
            {
                try
                {
                    await session.StepAsync();
                    var now = Stopwatch.GetTimestamp();
                    recorder.Answered(beganAt, now);
                    session.Answered(beganAt, now);
                }
                catch (WrongAnswerException e) when (recorder.CountsFailures)
                {
                    recorder.CountFailure(e, beganAt);
                }
                beganAt = Stopwatch.GetTimestamp();
            }
        }
        catch (Exception e)
        {
            recorder.Fail(e);
        }
    }
}
