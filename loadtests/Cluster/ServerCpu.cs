namespace LoadTests.Cluster;

/// <summary>
/// Measures the CPU time that servers use for an operation. It hardly depends on the other load of the machine. Therefore it shows a gain
/// or a loss that is smaller than the noise of the throughput.
/// </summary>
internal static class ServerCpu
{
    /// <param name="processIds">The processes; each counts with all its children.</param>
    /// <returns>The CPU time of all of them, from the end of the warm-up until the duration is over.</returns>
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
