using System.Diagnostics;
using LoadTests.Engine;

namespace LoadTests.Tests.Engine;

public sealed class LoadSeriesTests
{
    private static readonly long Second = Stopwatch.Frequency;

    [Fact]
    public void Throughput_counts_where_it_was_answered_and_latency_where_it_was_to_begin()
    {
        var series = new LoadSeries(TimeSpan.FromSeconds(3));
        // Planned in second 0, answered in second 2: a stall of two seconds shows at its beginning.
        series.Took(Second / 2, 2_000_000_000);
        series.Answered((5 * Second) / 2);
        series.Failed(Second);

        var seconds = series.Summarize(TimeSpan.FromSeconds(3.001));

        Assert.Equal([0, 0, 1], seconds.Select(second => second.Answered));
        Assert.Equal([0, 1, 0], seconds.Select(second => second.Failed));
        Assert.InRange(seconds[0].P99!.Value.TotalSeconds, 2, 2 * (1 + LatencyHistogram.MaxRelativeError));
        Assert.Null(seconds[1].P50);
    }

    [Fact]
    public void Only_whole_seconds_are_told_and_what_comes_after_the_end_has_a_place()
    {
        var series = new LoadSeries(TimeSpan.FromSeconds(2));
        series.Answered(100 * Second);
        series.Took(2 * Second, 1000);

        Assert.Equal([0L, 0L], series.Summarize(TimeSpan.FromSeconds(2.4)).Select(second => second.Answered));
    }

    [Fact]
    public void A_second_that_a_timer_cut_short_counts_as_whole() =>
        Assert.Equal(3, new LoadSeries(TimeSpan.FromSeconds(3)).Summarize(TimeSpan.FromSeconds(2.98)).Count);

    [Fact]
    public void Some_seconds_together_have_the_percentiles_of_all_their_operations()
    {
        var series = new LoadSeries(TimeSpan.FromSeconds(4));
        foreach (var (second, milliseconds) in ((int, int)[])[(0, 500), (1, 10), (1, 10), (2, 10), (2, 90), (3, 500)])
            series.Took(second * Second, milliseconds * 1_000_000L);

        var latency = series.Between(1, 3)!;

        Assert.Equal((TimeSpan.FromMilliseconds(30), TimeSpan.FromMilliseconds(90)), (latency.Mean, latency.Max));
        Assert.InRange(latency.P50!.Value.TotalMilliseconds, 10, 10 * (1 + LatencyHistogram.MaxRelativeError));
        Assert.Equal(latency.Max, latency.P99);
        Assert.Null(series.Between(2, 2));
    }

    [Fact]
    public void Recording_allocates_nothing()
    {
        var recorder = new LoadRecorder(new LoadSeries(TimeSpan.FromSeconds(60)), new FailureCounts());
        recorder.BeginMeasuring();
        Record(recorder, 1000);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Record(recorder, 10_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Record(LoadRecorder recorder, int times)
    {
        for (var i = 0; i < times; i++)
        {
            var now = Stopwatch.GetTimestamp();
            recorder.Answered(now, now + i);
        }
    }
}
