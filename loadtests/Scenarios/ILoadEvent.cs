using LoadTests.Cluster;

namespace LoadTests.Scenarios;

/// <summary>What happens to the cluster while a load runs.</summary>
internal interface ILoadEvent
{
    /// <summary>Before the load.</summary>
    Task PrepareAsync(BenchCluster cluster, CancellationToken cancellation);

    /// <param name="duration">Of the load; it has just begun to be measured.</param>
    /// <exception cref="Engine.WrongAnswerException">It did not go as it should.</exception>
    Task RunAsync(BenchCluster cluster, LoadMarks marks, TimeSpan duration, CancellationToken cancellation);
}
