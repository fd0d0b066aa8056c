namespace LoadTests.Engine;

/// <summary>An open loop that runs beside what is measured, until it is disposed.</summary>
internal sealed class BackgroundLoad : IAsyncDisposable
{
    private readonly LoadRecorder _recorder = new();
    private readonly IReadOnlyList<ILoadSession> _sessions;
    private readonly Task _load;

    private BackgroundLoad(IReadOnlyList<ILoadSession> sessions, double ratePerSecond)
    {
        _sessions = sessions;
        _load = new OpenLoop(sessions, ratePerSecond, _recorder).RunAsync();
    }

    public static async Task<BackgroundLoad> StartAsync(LoadScenario scenario, int users, double ratePerSecond, CancellationToken cancellation)
    {
        var sessions = new List<ILoadSession>(users);
        for (var user = 0; user < users; user++)
            sessions.Add(await scenario.Open(user, cancellation));
        return new BackgroundLoad(sessions, ratePerSecond);
    }

    /// <summary>Runs something else beside it.</summary>
    /// <exception cref="WrongAnswerException">A session met one; what was measured beside it counts for nothing.</exception>
    public async Task<T> BesideAsync<T>(Task<T> work)
    {
        if (await Task.WhenAny(work, _recorder.Failure) != work)
            await _recorder.Failure;
        return await work;
    }

    public async ValueTask DisposeAsync()
    {
        _recorder.Stop();
        await Task.WhenAny(_load, Task.Delay(BuiltInEngine.Patience, CancellationToken.None));
        foreach (var session in _sessions)
            await session.DisposeAsync();
    }
}
