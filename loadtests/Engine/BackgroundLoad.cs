using System.Diagnostics;
using Workbench;

namespace LoadTests.Engine;

/// <summary>An open loop that runs during a measurement, until it is disposed.</summary>
internal sealed class BackgroundLoad : IAsyncDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(20);

    private readonly LoadRecorder _recorder = new();
    private readonly IReadOnlyList<ILoadSession> _sessions;
    private readonly OpenLoop _loop;
    private readonly Task _load;

    private BackgroundLoad(IReadOnlyList<ILoadSession> sessions, double ratePerSecond)
    {
        _sessions = sessions;
        _loop = new OpenLoop(sessions, ratePerSecond, _recorder);
        _load = _loop.RunAsync();
    }

    public static async Task<BackgroundLoad> StartAsync(LoadScenario scenario, int users, double ratePerSecond, CancellationToken cancellation)
    {
        var sessions = new List<ILoadSession>(users);
        for (var user = 0; user < users; user++)
            sessions.Add(await scenario.Open(user, cancellation));
        return new BackgroundLoad(sessions, ratePerSecond);
    }

    /// <summary>Runs other work during the load.</summary>
    /// <exception cref="WrongAnswerException">A session got a wrong answer; the measurement is worthless then.</exception>
    public async Task<T> BesideAsync<T>(Task<T> work)
    {
        if (await Task.WhenAny(work, _recorder.Failure) != work)
            await _recorder.Failure;
        return await work;
    }

    /// <summary>
    /// Waits until all operations that were planned before this moment have been answered; the load continues meanwhile. Otherwise a
    /// summary of the operations before this moment would miss the slowest ones.
    /// </summary>
    /// <param name="at">A timestamp of the stopwatch.</param>
    /// <exception cref="WrongAnswerException">An operation was not answered within <see cref="BuiltInEngine.Patience"/>, or a session got a
    /// wrong answer.</exception>
    public async Task AnsweredBeforeAsync(long at, CancellationToken cancellation)
    {
        for (var began = Stopwatch.GetTimestamp(); _loop.OwesAnswersBefore(at); await Task.Delay(LookInterval, cancellation))
        {
            if (_recorder.Failure.IsFaulted)
                await _recorder.Failure;
            if (Stopwatch.GetElapsedTime(began) > BuiltInEngine.Patience)
                throw new WrongAnswerException($"Some operations have no answer after {BuiltInEngine.Patience.TotalSeconds} s: one hangs, or the rate is more than this machine can do.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _recorder.Stop();
        await Task.WhenAny(_load, Task.Delay(BuiltInEngine.Patience, CancellationToken.None));
        foreach (var session in _sessions)
            await session.DisposeAsync();
    }
}
