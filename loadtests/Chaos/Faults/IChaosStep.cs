namespace LoadTests.Chaos.Faults;

/// <summary>One thing that the schedule does. Whatever it takes away it brings back before it ends.</summary>
internal interface IChaosStep
{
    /// <summary>As it is printed, before it begins.</summary>
    string Description { get; }

    Task RunAsync(ChaosStage stage, CancellationToken cancellation);
}
