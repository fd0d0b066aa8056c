using System.CommandLine;
using System.Globalization;
using Workbench;

namespace Fuzz;

/// <summary>The command line, which <c>./dev fuzz</c> passes on.</summary>
internal static class FuzzCommand
{
    private const int Failed = 1;
    private const int Interrupted = 130;

    /// <returns>The exit code.</returns>
    public static Task<int> RunAsync(string[] arguments, CancellationToken interrupt) => New().Parse(arguments).RunAsync(interrupt);

    private static RootCommand New()
    {
        var minutes = RunCommandLine.Minutes("for how long bad input is sent");
        var seed = RunCommandLine.Seed("the number from which the input is made: repeats that of an earlier run (default: random)");
        var routerOnly = new Option<bool>("--router-only") { Description = "straight to the routers, and not through HAProxy too" };
        var command = new RootCommand("Bad input for a service of its own: no 500, no crash, no leak.") { minutes, seed, routerOnly };
        command.SetAction((parsed, interrupt) => RunAsync(
            TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(seed), parsed.GetValue(routerOnly), interrupt));
        return command;
    }

    private static async Task<int> RunAsync(TimeSpan duration, int seed, bool routerOnly, CancellationToken interrupt)
    {
        var folder = Path.Combine(Repository.FuzzHome, string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyyMMdd-HHmmss}-{seed}"));
        try
        {
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"fuzz: {duration.TotalMinutes:0.##} minutes, seed {seed}, in {folder}"));
            await using var cluster = await FuzzCluster.StartAsync(Path.Combine(folder, "cluster"), interrupt);
            var run = new FuzzRun(await cluster.TargetAsync(routerOnly), seed, folder, Console.Out);
            var problems = await run.RunAsync(duration, interrupt);
            foreach (var problem in problems)
                await Console.Out.WriteLineAsync(problem);
            await Console.Out.WriteLineAsync(problems.Count == 0
                ? string.Create(CultureInfo.InvariantCulture, $"{run.Cases:#,0} cases: no 500, no crash, no leak.")
                : $"FAILED. Requests and logs are in {folder}; repeat with --seed {seed}");
            if (problems.Count > 0)
                cluster.CopyLogs(folder);
            return problems.Count == 0 ? 0 : Failed;
        }
        catch (Exception) when (interrupt.IsCancellationRequested)
        {
            await Console.Out.WriteLineAsync("Interrupted: no result.");
            return Interrupted;
        }
        catch (Exception e)
        {
            await Console.Out.WriteLineAsync($"fuzz failed: {(e is WrongAnswerException ? e.Message : e)}");
            return Failed;
        }
    }
}
