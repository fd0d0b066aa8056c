using System.CommandLine;
using System.Globalization;
using LoadTests.Cluster;

namespace LoadTests.Chaos;

/// <summary>The command <c>chaos</c>.</summary>
internal static class ChaosCommand
{
    private const int Failed = 1;
    private const int Interrupted = 130;

    public static Command New()
    {
        var minutes = new Option<double>("--minutes") { Description = "how long faults go on", DefaultValueFactory = _ => 2 };
        minutes.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var value) && value is <= 0 or > 1440)
                result.AddError("--minutes takes a number above 0, at most 1440.");
        });
        var seed = new Option<int>("--seed") { Description = "repeats the schedule that this number made (default: another one each time)", DefaultValueFactory = _ => Random.Shared.Next(1_000_000) };
        var rate = new Option<double>("--rate") { Description = "1: about 350 requests a second", DefaultValueFactory = _ => 1 };
        var keep = new Option<bool>("--keep") { Description = "keep the recording and the logs although nothing was wrong" };
        var command = new Command("chaos", "Random moves, kills and pauses under load; then the checkers and the audit.") { minutes, seed, rate, keep };
        command.SetAction((parsed, interrupt) => RunAsync(parsed.GetValue(minutes), parsed.GetValue(seed), parsed.GetValue(rate), parsed.GetValue(keep), interrupt));
        return command;
    }

    private static async Task<int> RunAsync(double minutes, int seed, double rate, bool keep, CancellationToken interrupt)
    {
        var folder = Path.Combine(Repository.ChaosHome, string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyyMMdd-HHmmss}-{seed}"));
        var options = new ChaosOptions(TimeSpan.FromMinutes(minutes), seed, rate, folder, Build: true, keep);
        Directory.CreateDirectory(folder);
        using var log = new ChaosLog(Console.Out, Path.Combine(folder, "chaos.log"));
        try
        {
            log.Write(string.Create(CultureInfo.InvariantCulture, $"chaos: {minutes:0.##} minutes, seed {seed}"));
            if (!await new ChaosRun(options, log).RunAsync(interrupt))
                return Failed;
            if (!keep)
                Directory.Delete(folder, recursive: true);
            return 0;
        }
        catch (Exception) when (interrupt.IsCancellationRequested)
        {
            log.Write("Interrupted: no result.");
            return Interrupted;
        }
        catch (Exception e)
        {
            log.Write($"chaos failed: {e}\nRecording and logs: {folder}. Repeat with --seed {seed}");
            return Failed;
        }
    }
}
