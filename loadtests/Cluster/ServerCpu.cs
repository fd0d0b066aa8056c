namespace LoadTests.Cluster;

/// <summary>
/// The CPU time that servers use for an operation. Told beside throughput because it hardly depends on what else the
/// machine does, so it shows a gain or a loss where throughput drowns in noise.
/// </summary>
internal static class ServerCpu
{
    /// <param name="processIds">Each with all its children.</param>
    /// <returns>CPU time of all of them together, after the warm-up and until the duration is over.</returns>
    public static async Task<TimeSpan> MeasureAsync(IReadOnlyList<int> processIds, TimeSpan warmUp, TimeSpan duration, CancellationToken cancellation)
    {
        await Task.Delay(warmUp, cancellation);
        var before = Read(processIds);
        await Task.Delay(duration, cancellation);
        return Read(processIds) - before;
    }

    private static TimeSpan Read(IReadOnlyList<int> processIds) =>
        processIds.Aggregate(TimeSpan.Zero, (total, processId) => total + ProcessCpu.OfTree(processId));
}
