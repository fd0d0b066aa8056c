using System.Globalization;
using System.Text.RegularExpressions;
using LoadTests.Engine;
using Workbench;

namespace LoadTests.References;

/// <summary>Parses the output of pgbench -P 1: one line per second, and a summary that reports failures.</summary>
internal static partial class PgBenchOutput
{
    /// <summary>
    /// Returns throughput and mean latency after the warm-up. The tps of the summary would include the first second, in which every
    /// connection still fills its caches and prepares its statements.
    /// </summary>
    /// <exception cref="WrongAnswerException">A transaction failed, or the text is not an output of pgbench.</exception>
    public static LoadResult Parse(string output, TimeSpan warmUp)
    {
        if (FailedTransactions().Match(output) is not { Success: true } failed)
            throw new WrongAnswerException($"pgbench printed no summary:\n{output}");
        if (failed.Groups["count"].Value != "0")
            throw new WrongAnswerException($"pgbench: {failed.Groups["count"].Value} transactions failed:\n{output}");

        double transactions = 0, seconds = 0, latencyMs = 0, before = 0;
        foreach (Match line in Progress().Matches(output))
        {
            var at = Number(line, "at");
            if (before >= warmUp.TotalSeconds - 0.1) // pgbench reports within milliseconds of each full second
            {
                var some = Number(line, "tps") * (at - before);
                transactions += some;
                latencyMs += Number(line, "ms") * some;
                seconds += at - before;
            }
            before = at;
        }
        return transactions > 0
            ? new LoadResult(transactions / seconds, new Latency(TimeSpan.FromMilliseconds(latencyMs / transactions)))
            : throw new WrongAnswerException($"pgbench reported nothing after the warm-up:\n{output}");
    }

    private static double Number(Match line, string group) => double.Parse(line.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^progress: (?<at>[\d.]+) s, (?<tps>[\d.]+) tps, lat (?<ms>[\d.]+) ms", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Progress();

    [GeneratedRegex(@"^number of failed transactions: (?<count>\d+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex FailedTransactions();
}
