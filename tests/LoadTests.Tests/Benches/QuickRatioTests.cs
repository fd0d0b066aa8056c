using LoadTests.Benches.Quick;
using LoadTests.Reports;
using Workbench;

namespace LoadTests.Tests.Benches;

public sealed class QuickRatioTests
{
    [Theory]
    [InlineData(1.0, false, 2.0, false)] // half of a gain is still taken for noise
    [InlineData(0.99, false, 2.0, true)]
    [InlineData(9.0, false, 2.0, false)]
    [InlineData(4.0, true, 2.0, false)] // so is a cost that doubled
    [InlineData(4.01, true, 2.0, true)]
    [InlineData(0.1, true, 2.0, false)]
    public void Only_what_is_less_than_half_as_good_is_a_regression(double value, bool lessIsBetter, double recorded, bool regression) =>
        Assert.Equal(regression, new QuickRatio("x", value, lessIsBetter).IsRegression(Recorded("x", recorded)));

    [Fact]
    public void What_was_never_recorded_cannot_be_worse()
    {
        var ratio = new QuickRatio("new", 0.001, LessIsBetter: false);

        Assert.False(ratio.IsRegression(null));
        Assert.EndsWith("(not recorded)", ratio.Describe(null), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1.0, 3.0, false, 3.0)]
    [InlineData(3.0, 1.0, false, 3.0)]
    [InlineData(1.0, 3.0, true, 1.0)]
    [InlineData(3.0, 1.0, true, 1.0)]
    public void Of_two_measurements_the_better_counts(double first, double second, bool lessIsBetter, double better) =>
        Assert.Equal(better, new QuickRatio("x", first, lessIsBetter).BetterOf(new QuickRatio("x", second, lessIsBetter)).Value);

    [Fact]
    public void It_says_what_it_is_compared_with_and_the_limit()
    {
        Assert.Equal("ratio get 0.90  (recorded 1.20 at abc1234, at least 0.60)", new QuickRatio("get", 0.9, LessIsBetter: false).Describe(Recorded("get", 1.2)));
        Assert.Equal("ratio cost 5.00  (recorded 1.20 at abc1234, at most 2.40)  WORSE", new QuickRatio("cost", 5, LessIsBetter: true).Describe(Recorded("cost", 1.2)));
    }

    [Fact]
    public async Task A_ratio_that_was_not_recorded_fails_the_guard_and_names_the_command_that_records_it()
    {
        QuickRatio[] measured = [new("get", 1.2, LessIsBetter: false), new("new", 3, LessIsBetter: false)];
        var (hasFailed, console) = await JudgeAsync(measured, Recorded("get", 1.2));

        Assert.True(hasFailed);
        Assert.Contains("not recorded: new. To record all: ./dev bench --quick --record", console, StringComparison.Ordinal);
        Assert.False((await JudgeAsync(measured, Recorded("get", 1.2), Recorded("new", 3))).HasFailed);
    }

    [Fact]
    public async Task Without_the_file_the_guard_does_not_even_begin()
    {
        var failure = await Assert.ThrowsAsync<WrongAnswerException>(
            () => QuickBench.ReadAsync(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), TestContext.Current.CancellationToken));

        Assert.Contains("./dev bench --quick --record", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_written_down_is_read_again()
    {
        RecordedRatio[] ratios = [Recorded("get", 1.25), Recorded("ring swap, times only parsing its JSON", 3)];

        var text = RecordedRatios.Write(ratios);

        Assert.Equal(ratios, RecordedRatios.Parse(text));
        Assert.EndsWith("]\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_file_that_is_checked_in_can_be_read_and_names_each_ratio_once()
    {
        var ratios = RecordedRatios.Parse(File.ReadAllText(RecordedRatios.File));

        Assert.NotEmpty(ratios);
        Assert.All(ratios, ratio => Assert.True(ratio.Ratio > 0 && ratio.Commit.Length > 0));
        Assert.Equal(ratios.Count, ratios.DistinctBy(ratio => ratio.Name).Count());
    }

    private static async Task<(bool HasFailed, string Console)> JudgeAsync(IReadOnlyList<QuickRatio> measured, params RecordedRatio[] recorded)
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var console = new StringWriter();
            var report = new Report("quick", "abc1234", DateTimeOffset.UnixEpoch, console);
            QuickBench.Judge(report, measured, recorded.ToDictionary(ratio => ratio.Name, StringComparer.Ordinal));
            await report.FinishAsync(folder.FullName, TestContext.Current.CancellationToken);
            return (report.HasFailed, console.ToString());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static RecordedRatio Recorded(string name, double ratio) => new(name, ratio, "abc1234", new DateOnly(2026, 1, 2));
}
