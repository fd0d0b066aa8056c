using System.Diagnostics;
using System.Globalization;
using Chaos.Cluster;
using Workbench;

namespace Chaos.Faults;

/// <summary>A server is killed and started again, or sleeps for a while.</summary>
/// <param name="Part">s1…, r1…, redis or proxy.</param>
/// <param name="Kills">True: SIGKILL; false: SIGSTOP and SIGCONT.</param>
/// <param name="Absence">The time from the signal to the new start, or to SIGCONT.</param>
internal sealed record PartFault(string Part, bool Kills, TimeSpan Absence) : IChaosStep
{
    private static readonly TimeSpan DyingLimit = TimeSpan.FromSeconds(10);

    public string Description => string.Create(CultureInfo.InvariantCulture, $"{(Kills ? "kill -9" : "SIGSTOP")} {Part} for {Absence.TotalSeconds:0.0} s");

    private string Kind => (Kills ? "killed " : "stopped ") + (Part[0] switch { 's' => "shard", 'r' when Part.Length == 2 => "router", _ => Part });

    public async Task RunAsync(ChaosStage stage, CancellationToken cancellation)
    {
        if (stage.Cluster.ProcessOf(Part) is not { } process)
        {
            await stage.Cluster.StartPartAsync(Part, CancellationToken.None); // when the fault ends, the part must run again
            return;
        }
        stage.Log.Count(Kind);
        if (Kills)
            await KillAsync(stage, process, cancellation);
        else
            await SleepAsync(process, cancellation);
    }

    private async Task KillAsync(ChaosStage stage, int process, CancellationToken cancellation)
    {
        // Of Postgres only the postmaster is killed, as in a crash: its backends keep running until they notice.
        if (Part == "proxy")
            ProcessTree.KillAll(process);
        else
            ProcessTree.KillOne(process);
        await Task.Delay(Absence, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Wait until the process is gone: ./dev would believe that the dying process runs, and the part would stay away until the end.
        for (var clock = Stopwatch.StartNew(); stage.Cluster.ProcessOf(Part) == process && clock.Elapsed < DyingLimit;)
            await Task.Delay(10, CancellationToken.None);
        await stage.Cluster.StartPartAsync(Part, CancellationToken.None);
    }

    private async Task SleepAsync(int process, CancellationToken cancellation)
    {
        ProcessTree.StopAll(process);
        await Task.Delay(Absence, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ProcessTree.ContinueAll(process);
    }
}
