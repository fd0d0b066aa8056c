using LoadTests.Cluster;
using Workbench;

namespace LoadTests.Scenarios;

/// <summary>An event in the cluster while a load runs.</summary>
internal interface ILoadEvent
{
    /// <summary>Prepares the event before the load.</summary>
    Task PrepareAsync(BenchCluster cluster, CancellationToken cancellation);

    /// <param name="duration">The duration of the load, whose measurement has just begun.</param>
    /// <exception cref="Engine.WrongAnswerException">The event failed.</exception>
    Task RunAsync(BenchCluster cluster, LoadMarks marks, TimeSpan duration, CancellationToken cancellation);
}
