using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace LoadTests.Micro;

/// <summary>
/// <c>./dev bench micro [FILTER]</c>: measures single functions of the service, without network or database.
/// </summary>
/// <remarks>
/// The benchmarks run in this process. With a separate process for each, a project would have to be generated, restored and built first:
/// this would take minutes instead of seconds. No benchmark here leaves anything behind that could disturb the next one.
/// </remarks>
internal static class MicroBenchmarks
{
    /// <param name="arguments">The arguments of BenchmarkDotNet.</param>
    private static int Main(string[] arguments)
    {
        var config = DefaultConfig.Instance
            .AddJob(Job.ShortRun.WithIterationCount(10).WithToolchain(InProcessEmitToolchain.Instance))
            .AddDiagnoser(MemoryDiagnoser.Default)
            .HideColumns(Column.Job, Column.Toolchain, Column.IterationCount, Column.LaunchCount, Column.WarmupCount, Column.RatioSD)
            .WithOptions(ConfigOptions.JoinSummary | ConfigOptions.DisableLogFile);
        var summaries = BenchmarkSwitcher.FromAssembly(typeof(MicroBenchmarks).Assembly).Run(arguments, config);
        return summaries.Any() && summaries.All(summary => !summary.HasCriticalValidationErrors && summary.Reports.All(report => report.Success)) ? 0 : 1;
    }
}
