using System.CommandLine;
using System.Globalization;
using Chaos.Bulkheads;
using Chaos.Cluster;
using Chaos.Faults;
using Chaos.Matrix;
using ShardCore.Moves.Batches;
using Workbench;

namespace Chaos;

/// <summary>The command line, which <c>./dev chaos</c> passes on.</summary>
internal static class ChaosCommand
{
    private const string StaleRouter = "stale-router";
    private const int Failed = 1;
    private const int Interrupted = 130;

    /// <returns>The exit code.</returns>
    public static Task<int> RunAsync(string[] arguments, CancellationToken interrupt) => New().Parse(arguments).RunAsync(interrupt);

    private static RootCommand New()
    {
        var minutes = RunCommandLine.Minutes("the duration of the faults");
        var seed = RunCommandLine.Seed(
            "the number from which the schedule is made: repeats the schedule of an earlier run (default: random)");
        var rate = new Option<double>("--rate")
        {
            Description = "the strength of the load; 1 is about 350 requests per second",
            DefaultValueFactory = _ => 1,
        };
        var keep = new Option<bool>("--keep") { Description = "keep the recording and the logs even if no problem was found" };
        var matrix = new Option<bool>("--matrix")
        {
            Description = "instead of random faults: every fault at every step of a move, one after the other",
        };
        var bulkheads = new Option<bool>("--bulkheads")
        {
            Description = "instead of random faults: one shard hangs, and the answers of the others are counted each second",
        };
        var only = new Option<string>("--only")
        {
            Description = "only the cells of the matrix that match step/fault, such as copy/kill-source, freeze or */take-over; "
                + "or stale-router",
        };
        only.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.Tokens[0].Value is var pattern && pattern != StaleRouter && MatrixCell.Matching(pattern).Count == 0)
                result.AddError(
                    $"--only: no cell fits '{pattern}'. Steps: {string.Join(' ', Enum.GetValues<MoveStep>().Select(MatrixCell.NameOf))}. "
                    + $"Faults: {string.Join(' ', Enum.GetValues<MatrixFault>().Select(MatrixCell.NameOf))}.");
        });
        var standbys = new Option<string>("--standbys")
        {
            Description = "the kinds of standbys that take over; with both, the seed chooses for each shard",
            DefaultValueFactory = _ => StandbyPlan.Both,
        };
        standbys.AcceptOnlyFromAmong([.. StandbyPlan.Choices]);
        var ha = new Option<bool>("--ha")
        {
            Description = "shards with two hosts under Patroni; their primaries are killed, hung, cut off and switched over",
        };
        var haMode = new Option<string?>("--ha-mode")
        {
            Description = "like --ha; sync (the default of --ha): a commit waits for the standby; async: it does not wait",
        };
        haMode.AcceptOnlyFromAmong(ChaosCluster.Synchronous, ChaosCluster.Asynchronous);
        var command = new RootCommand("Random moves, kills and pauses under load; then the checkers and the audit.")
        {
            minutes, seed, rate, keep, ha, haMode, standbys, matrix, only, bulkheads,
        };
        command.Validators.Add(result =>
        {
            if ((result.GetValue(ha) || result.GetResult(haMode) is not null) && (result.GetValue(matrix) || result.GetValue(bulkheads)))
                result.AddError("--ha goes with neither --matrix nor --bulkheads.");
        });
        command.SetAction((parsed, interrupt) =>
        {
            var folder = Path.Combine(Repository.ChaosHome, string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyyMMdd-HHmmss}-{parsed.GetValue(seed)}"));
            var options = new ChaosOptions(TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(seed), parsed.GetValue(rate), folder, Build: true)
            {
                Standbys = parsed.GetRequiredValue(standbys),
                HaMode = parsed.GetValue(haMode) ?? (parsed.GetValue(ha) ? ChaosCluster.Synchronous : null),
            };
            return RunAsync(options, parsed.GetValue(keep), log =>
                parsed.GetValue(matrix) ? RunMatrixAsync(options, log, parsed.GetValue(only) ?? "", interrupt)
                : parsed.GetValue(bulkheads) ? new BulkheadRun(options, log).RunAsync(interrupt)
                : new ChaosRun(options, log).RunAsync(interrupt), interrupt);
        });
        return command;
    }

    private static async Task<bool> RunMatrixAsync(ChaosOptions options, ChaosLog log, string only, CancellationToken interrupt)
    {
        var results = await new MatrixRun(options, log).RunAsync(only == StaleRouter ? [] : MatrixCell.Matching(only), staleRouter: only is "" or StaleRouter, interrupt);
        log.Write("\n" + MatrixRun.Table(results));
        var wrong = results.Count(result => !result.IsRight);
        log.Write(wrong == 0 ? $"No violation in {results.Count - 1} cells." : $"FAILED: {wrong} of {results.Count - 1} cells. Recordings and logs: {options.Folder}");
        return wrong == 0;
    }

    private static async Task<int> RunAsync(ChaosOptions options, bool keep, Func<ChaosLog, Task<bool>> run, CancellationToken interrupt)
    {
        var (folder, seed) = (options.Folder, options.Seed);
        Directory.CreateDirectory(folder);
        using var log = new ChaosLog(Console.Out, Path.Combine(folder, "chaos.log"));
        try
        {
            if (!await run(log))
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
