using System.Diagnostics;
using LoadTests.Cluster;

namespace LoadTests.Scenarios;

/// <summary>Kills the second router with kill -9 after a third of the time, and starts it again after two thirds.</summary>
internal sealed class RouterDeathEvent : ILoadEvent
{
    private const string Router = "r2";

    public Task PrepareAsync(BenchCluster cluster, CancellationToken cancellation) => Task.CompletedTask;

    public async Task RunAsync(BenchCluster cluster, LoadMarks marks, TimeSpan duration, CancellationToken cancellation)
    {
        await Task.Delay(duration / 3, cancellation);
        using (var router = Process.GetProcessById(cluster.Status.Routers[1].ProcessId))
            router.Kill();
        marks.Add("kill -9 " + Router);
        await Task.Delay(duration / 3, cancellation);
        await cluster.StartPartAsync(Router);
        marks.Add(Router + " is back");
    }
}
