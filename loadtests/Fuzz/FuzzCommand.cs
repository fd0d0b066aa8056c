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
    public static async Task<int> RunAsync(string[] arguments, CancellationToken interrupt)
    {
        var result = New().Parse(arguments);
        var code = await result.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false }, interrupt);
        return result.Errors.Count > 0 ? 2 : code;
    }

    private static RootCommand New()
    {
        var minutes = new Option<double>("--minutes") { Description = "for how long bad input is sent", DefaultValueFactory = _ => 2 };
        minutes.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var value) && value is <= 0 or > 1440)
                result.AddError("--minutes takes a number above 0, at most 1440.");
        });
        var seed = new Option<int>("--seed")
        {
            Description = "the number from which the input is made: repeats that of an earlier run (default: random)",
            DefaultValueFactory = _ => Random.Shared.Next(1_000_000),
        };
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
