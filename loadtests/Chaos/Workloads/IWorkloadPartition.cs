namespace Chaos.Workloads;

/// <summary>One partition key of one workload. All methods except the last read may run at the same time.</summary>
internal interface IWorkloadPartition : IDisposable
{
    string Key { get; }

    /// <summary>Whether it has grown enough; then another partition takes its place.</summary>
    bool IsFull { get; }

    /// <summary>Does one operation, or a few that belong together.</summary>
    Task StepAsync(Random random);

    /// <summary>Reads the whole partition when nobody writes any more; it tries until it succeeds.</summary>
    Task ReadLastAsync(CancellationToken cancellation);
}
