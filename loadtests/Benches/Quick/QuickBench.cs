using System.Diagnostics;
using System.Globalization;
using LoadTests.Cluster;
using LoadTests.Reports;
using Workbench;

namespace LoadTests.Benches.Quick;

/// <summary>
/// The guard against regressions, for every change: it makes short measurements in one cluster and compares their ratios with recorded
/// ones. It only finds values that became twice as bad; for finer differences there are the benches themselves.
/// </summary>
/// <remarks>
/// 1. Each part is measured. 2. A part with a regression is measured once more, and the better value counts, because another program may
/// have used the machine for some seconds. 3. All ratios are printed, and compared or recorded. A ratio that was never recorded fails too:
/// otherwise nothing would guard it.
/// </remarks>
internal sealed class QuickBench : IBench
{
    private const string RecordCommand = "./dev bench --quick --record, on a quiet machine";

    public string Name => "quick";

    public string Description =>
        "short get, put, mixed, proxy, added-latency, query, index-cost and footprint; "
        + "fails if a ratio is less than half as good as recorded (also: bench --quick)";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        var began = Stopwatch.GetTimestamp();
        var recorded = run.Options.Record ? [] : await ReadAsync(RecordedRatios.File, cancellation);
        var measured = new List<QuickRatio>();
        await using (var cluster = await BenchCluster.StartAsync(routers: 2, cancellation))
            foreach (var part in QuickParts.All)
                measured.AddRange(await MeasureAsync(part, run, cluster, recorded, cancellation));

        foreach (var ratio in measured)
            run.Report.Verdict(ratio.Describe(recorded.GetValueOrDefault(ratio.Name)));
        run.Report.Verdict(string.Create(CultureInfo.InvariantCulture, $"bench --quick took {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s"));
        if (run.Options.Record)
            await RecordAsync(measured, cancellation);
        else
            Judge(run.Report, measured, recorded);
    }

    /// <exception cref="WrongAnswerException">There is no such file. This is found before the minutes of measuring.</exception>
    public static async Task<Dictionary<string, RecordedRatio>> ReadAsync(string file, CancellationToken cancellation) => File.Exists(file)
        ? RecordedRatios.Parse(await File.ReadAllTextAsync(file, cancellation)).ToDictionary(ratio => ratio.Name, StringComparer.Ordinal)
        : throw new WrongAnswerException($"{file} is missing, so there is nothing to compare with. To write it: {RecordCommand}");

    private static async Task<IReadOnlyList<QuickRatio>> MeasureAsync(
        QuickParts.Part part, BenchRun run, BenchCluster cluster, Dictionary<string, RecordedRatio> recorded, CancellationToken cancellation)
    {
        var first = await part(run, cluster, cancellation);
        if (!first.Any(ratio => ratio.IsRegression(recorded.GetValueOrDefault(ratio.Name))))
            return first;
        run.Report.Progress("that is worse than recorded; once more");
        return [.. first.Zip(await part(run, cluster, cancellation), (one, other) => one.BetterOf(other))];
    }

    private static async Task RecordAsync(List<QuickRatio> measured, CancellationToken cancellation)
    {
        var commit = await Repository.CommitAsync(cancellation);
        var today = DateOnly.FromDateTime(DateTime.UtcNow);
        var ratios = measured.ConvertAll(ratio => new RecordedRatio(ratio.Name, Math.Round(ratio.Value, 3), commit, today));
        await File.WriteAllTextAsync(RecordedRatios.File, RecordedRatios.Write(ratios), cancellation);
    }

    public static void Judge(Report report, IReadOnlyList<QuickRatio> measured, Dictionary<string, RecordedRatio> recorded)
    {
        foreach (var name in recorded.Keys.Except(measured.Select(ratio => ratio.Name), StringComparer.Ordinal))
            report.Verdict($"recorded, but not measured any more: {name}");
        string[] unknown = [.. measured.Select(ratio => ratio.Name).Where(name => !recorded.ContainsKey(name))];
        if (unknown.Length > 0)
            report.Fail($"measured, but not recorded: {string.Join("; ", unknown)}. To record all: {RecordCommand}");
        var worse = measured.Where(ratio => ratio.IsRegression(recorded.GetValueOrDefault(ratio.Name))).Select(ratio => ratio.Name).ToArray();
        if (worse.Length > 0)
            report.Fail($"worse than half of what was recorded: {string.Join("; ", worse)}. If that is meant: {RecordCommand}");
    }
}
