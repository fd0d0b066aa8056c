namespace LoadTests.Benches;

/// <summary>One row of the performance table.</summary>
internal interface IBench
{
    /// <summary>The name on the command line.</summary>
    string Name { get; }

    string Description { get; }

    Task RunAsync(BenchRun run, CancellationToken cancellation);
}
