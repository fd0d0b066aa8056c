using System.Diagnostics;

namespace LoadTests.Engine;

/// <summary>Every session begins its next operation as soon as the last one has been answered.</summary>
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
                    recorder.Answered(beganAt, Stopwatch.GetTimestamp());
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
