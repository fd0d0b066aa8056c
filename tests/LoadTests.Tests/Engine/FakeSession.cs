using LoadTests.Engine;

namespace LoadTests.Tests.Engine;

/// <summary>A session whose steps the test writes.</summary>
internal sealed class FakeSession(Func<ValueTask> step, Action? end = null) : ILoadSession
{
    public static LoadScenario Scenario(Func<ValueTask> step, Action? end = null) =>
        new("fake", (_, _) => ValueTask.FromResult<ILoadSession>(new FakeSession(step, end)));

    public ValueTask StepAsync() => step();

    public ValueTask DisposeAsync()
    {
        end?.Invoke();
        return ValueTask.CompletedTask;
    }
}
