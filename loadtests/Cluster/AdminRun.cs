using System.Diagnostics;
using System.Globalization;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>One run of shardadmin as a separate process, and the time and memory that it needed.</summary>
/// <param name="Time">The time from the start of the process to its end.</param>
/// <param name="PeakResidentMiB">The largest memory that it ever had (VmHWM).</param>
internal sealed record AdminRun(TimeSpan Time, double PeakResidentMiB, string Output)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    /// <exception cref="WrongAnswerException">It failed; the message has its output.</exception>
    public static async Task<AdminRun> RunAsync(ClusterStatus cluster, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var began = Stopwatch.GetTimestamp();
        using var process = OtherProgram.Start("dotnet", [BenchCluster.AdminProgram, .. arguments], Environment(cluster));
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            var ended = process.WaitForExitAsync(cancellation);
            var peak = 0.0;
            do
                peak = ResidentMemory.PeakOfProcessMiB(process.Id) ?? peak;
            while (await Task.WhenAny(ended, Task.Delay(LookInterval, cancellation)) != ended);
            await ended;
            var time = Stopwatch.GetElapsedTime(began);
            return process.ExitCode == 0
                ? new AdminRun(time, peak, await output)
                : throw new WrongAnswerException($"shardadmin {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{await output}{await errors}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static Dictionary<string, string?> Environment(ClusterStatus cluster) => new(StringComparer.Ordinal)
    {
        ["SHARDING_REDIS"] = cluster.Redis,
        ["SHARDING_CLUSTER"] = System.Environment.GetEnvironmentVariable("SHARDING_CLUSTER") is { Length: > 0 } name ? name : "default", // the same rule as in ./dev
        ["SHARDING_SEEDS"] = string.Join(',', cluster.Shards.Select(shard => string.Create(CultureInfo.InvariantCulture, $"{shard.Host}:{shard.Port}/{shard.Database}"))),
        ["PGUSER"] = ShardServer.User,
    };
}
