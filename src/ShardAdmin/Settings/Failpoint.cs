using System.Diagnostics;
using System.Globalization;

namespace ShardAdmin.Settings;

/// <summary>
/// Breaks off at a named step: tests show with it what a crash at this step leaves.
/// <c>SHARDING_FAILPOINT=step:kill</c> kills the process, <c>step:error</c> throws, <c>step:pause</c> waits there forever,
/// <c>step:400ms</c> waits 400 ms, <c>step:stop</c> stops the whole process until SIGCONT. Commas separate several failpoints.
/// </summary>
internal sealed class Failpoint
{
    private readonly Dictionary<string, string> _actions = new(StringComparer.Ordinal);

    private Failpoint(string? setting)
    {
        foreach (var each in (setting ?? "").Split(','))
            if (each.LastIndexOf(':') is var colon and > 0)
                _actions[each[..colon]] = each[(colon + 1)..];
    }

    public static Failpoint From(AdminProcess process) => new(process.Variable("SHARDING_FAILPOINT"));

    public async Task ReachedAsync(string step, CancellationToken cancellation)
    {
        if (!_actions.TryGetValue(step, out var action))
            return;
        switch (action)
        {
            case "kill":
                Process.GetCurrentProcess().Kill();
                break;
            case "pause":
                await Task.Delay(Timeout.Infinite, cancellation);
                break;
            case "stop":
                using (var kill = Process.Start("kill", ["-STOP", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]))
                    await kill.WaitForExitAsync(cancellation);
                break;
            case var time when Duration.TryParse(time, out var pause):
                await Task.Delay(pause, cancellation);
                break;
            default:
                throw new InvalidOperationException($"Failpoint {step}.");
        }
    }
}
