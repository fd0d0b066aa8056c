using System.Diagnostics;
using LoadTests.Engine;
using LoadTests.Reports;
using LoadTests.Scenarios;

namespace LoadTests.Tests.Scenarios;

public sealed class LoadPhasesTests
{
    [Fact]
    public async Task Latency_during_an_event_is_told_beside_that_before_and_after()
    {
        var beganAt = Stopwatch.GetTimestamp() - (long)(2.05 * Stopwatch.Frequency);
        var marks = new LoadMarks(); // both are of now, which is in the third second
        marks.Add("index by_group");
        marks.Add("ready");
        var series = new LoadSeries(TimeSpan.FromSeconds(6));
        foreach (var (second, milliseconds) in new[] { 10, 10, 40, 10, 10, 10 }.Index())
            series.Took((second * Stopwatch.Frequency) + 1, milliseconds * 1_000_000L);
        var result = new LoadResult(1, new Latency(TimeSpan.FromMilliseconds(1)))
        {
            Series = series,
            Seconds = series.Summarize(TimeSpan.FromSeconds(6)),
            BeganAt = beganAt,
        };

        var told = await TellAsync(result, marks);

        Assert.Matches(@"before \| +2 \| +0 \| +10\.0 ms \| +10\.0 ms \|", told);
        Assert.Matches(@"during \| +1 \| +0 \| +40\.0 ms \| +40\.0 ms \|", told);
        Assert.Matches(@"after +\| +3 \| +0 \| +10\.0 ms \| +10\.0 ms \|", told);
        Assert.Contains("p99 during the event, times before 4.00 (10.0 ms before)", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_event_nothing_is_told()
    {
        var series = new LoadSeries(TimeSpan.FromSeconds(2));
        var result = new LoadResult(1, new Latency(TimeSpan.FromMilliseconds(1)))
        {
            Series = series,
            Seconds = series.Summarize(TimeSpan.FromSeconds(2)),
            BeganAt = 1,
        };

        Assert.DoesNotContain("before", await TellAsync(result, new LoadMarks()), StringComparison.Ordinal);
    }

    private static async Task<string> TellAsync(LoadResult result, LoadMarks marks)
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var console = new StringWriter();
            var report = new Report("load", "abc1234", DateTimeOffset.UnixEpoch, console);
            LoadPhases.Tell(report, "x", result, marks);
            await report.FinishAsync(folder.FullName, TestContext.Current.CancellationToken);
            return console.ToString();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
