using System.Diagnostics;
using System.Globalization;

namespace ShardAdmin.CommandLine;

/// <summary>
/// Breaks off at a named step, so that tests can show what a crash there leaves:
/// <c>SHARDING_FAILPOINT=step:kill</c> (the process is gone at once), <c>step:error</c>, <c>step:pause</c> (it
/// stands still there), <c>step:stop</c> (all of it is stopped, until SIGCONT).
/// </summary>
internal sealed class Failpoint
{
    private readonly string _step = "";
    private readonly string _action = "";

    private Failpoint(string? setting)
    {
        if (setting?.LastIndexOf(':') is { } colon and > 0)
            (_step, _action) = (setting[..colon], setting[(colon + 1)..]);
    }

    public static Failpoint From(AdminProcess process) => new(process.Variable("SHARDING_FAILPOINT"));

    public async Task ReachedAsync(string step, CancellationToken cancellation)
    {
        if (!string.Equals(step, _step, StringComparison.Ordinal))
            return;
        switch (_action)
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
            default:
                throw new InvalidOperationException($"Failpoint {step}.");
        }
    }
}
