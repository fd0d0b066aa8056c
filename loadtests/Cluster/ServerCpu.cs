using System.Diagnostics;

namespace LoadTests.Cluster;

/// <summary>
/// The CPU time that servers use for an operation. Told beside throughput because it hardly depends on what else the
/// machine does, so it shows a gain or a loss where throughput drowns in noise.
/// </summary>
internal sealed class ServerCpu(IReadOnlyList<int> processIds)
{
    /// <summary>CPU time of all of them together, after the warm-up and until the duration is over.</summary>
    public async Task<TimeSpan> MeasureAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellation)
    {
        await Task.Delay(warmUp, cancellation);
        var before = Read();
        await Task.Delay(duration, cancellation);
        return Read() - before;
    }

    private TimeSpan Read()
    {
        var total = TimeSpan.Zero;
        foreach (var id in processIds)
        {
            using var process = Process.GetProcessById(id);
            total += process.TotalProcessorTime;
        }
        return total;
    }
}
