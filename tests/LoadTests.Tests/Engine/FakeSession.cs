using LoadTests.Engine;

namespace LoadTests.Tests.Engine;

/// <summary>A session whose steps the test writes.</summary>
internal sealed class FakeSession(Func<ValueTask> step) : ILoadSession
{
    public static LoadScenario Scenario(Func<ValueTask> step) => new("fake", (_, _) => ValueTask.FromResult<ILoadSession>(new FakeSession(step)));

    public ValueTask StepAsync() => step();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
