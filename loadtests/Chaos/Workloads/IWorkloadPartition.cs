namespace LoadTests.Chaos.Workloads;

/// <summary>One partition key under one workload's clients. All methods may run at the same time, except the last read.</summary>
internal interface IWorkloadPartition : IDisposable
{
    string Key { get; }

    /// <summary>It has grown enough; another takes its place.</summary>
    bool IsFull { get; }

    /// <summary>One operation, or the few that belong together.</summary>
    Task StepAsync(Random random);

    /// <summary>Reads all of it, when nobody writes any more, until that succeeds.</summary>
    Task ReadLastAsync(CancellationToken cancellation);
}
