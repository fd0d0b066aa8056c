namespace Chaos.Faults;

/// <summary>One step of the schedule. Before it ends, it brings back every part that it has taken away.</summary>
internal interface IChaosStep
{
    /// <summary>The text that is printed before the step begins.</summary>
    string Description { get; }

    Task RunAsync(ChaosStage stage, CancellationToken cancellation);
}
