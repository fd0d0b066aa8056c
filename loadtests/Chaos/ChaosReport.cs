using System.Globalization;
using Chaos.Cluster;
using Chaos.Workloads;
using Workbench;

namespace Chaos;

/// <summary>The report at the end of a run: the events, the results, and the verdict.</summary>
internal sealed class ChaosReport(ChaosOptions options, ChaosLog log)
{
    public async Task WriteAsync(WorkloadSet workloads, MoveHistory moves, IReadOnlyList<string> problems, bool isRight)
    {
        var commit = await Repository.CommitAsync(CancellationToken.None);
        log.Write(string.Create(CultureInfo.InvariantCulture, $"\nSeed {options.Seed}, {options.Duration.TotalMinutes:0.#} minutes, commit {commit}, {Machine.Describe()}\n"));
        log.Write(MarkdownTable.Of(
            ["workload", "requests", "ok", "refused", "failed", "unknown", "not sent", "longest write"],
            workloads.Loads.Select(load => load.Tally).Select(tally => new[]
            {
                tally.Name, Number(tally.Total), Number(tally.Ok), Number(tally.Refused), Number(tally.Failed), Number(tally.Unknown), Number(tally.Skipped), FigureText.Time(tally.LongestWrite),
            })));
        log.Write(MarkdownTable.Of(["what", "times"], log.Counts.Select(count => new[] { count.What, Number(count.Times) })));
        log.Write(string.Create(
            CultureInfo.InvariantCulture,
            $"Completed batches {moves.Batches:#,0} with {moves.Slots:#,0} slots in {moves.Attempts:#,0} attempts; writes to a batch held at most {moves.LongestPauseMs:0} ms."));
        foreach (var surprise in log.Surprises)
            log.Write($"SURPRISE {surprise}");
        foreach (var problem in problems)
            log.Write($"PROBLEM {problem}");
        log.Write(isRight
            ? string.Create(CultureInfo.InvariantCulture, $"No violation. Repeat with --seed {options.Seed}")
            : string.Create(CultureInfo.InvariantCulture, $"FAILED: {problems.Count} problems, {log.SurpriseCount} surprises. Recording and logs: {options.Folder}. Repeat with --seed {options.Seed}"));
    }

    private static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
