using LoadTests.Engine;

namespace LoadTests.Tests.Engine;

/// <summary>A session whose steps the test writes.</summary>
internal sealed class FakeSession(Func<ValueTask> step, Action? end = null, Action? answered = null) : ILoadSession
{
    public static LoadScenario Scenario(Func<ValueTask> step, Action? end = null, Action? answered = null) =>
        new("fake", (_, _) => ValueTask.FromResult<ILoadSession>(new FakeSession(step, end, answered)));

    public ValueTask StepAsync() => step();

    public void Answered(long plannedAt, long answeredAt) => answered?.Invoke();

    public ValueTask DisposeAsync()
    {
        end?.Invoke();
        return ValueTask.CompletedTask;
    }
}
