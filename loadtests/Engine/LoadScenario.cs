namespace LoadTests.Engine;

/// <summary>The behaviour of users, described once for all engines.</summary>
/// <param name="Open">Opens the session of the user with this number, from 0.</param>
internal sealed record LoadScenario(string Name, Func<int, CancellationToken, ValueTask<ILoadSession>> Open);
