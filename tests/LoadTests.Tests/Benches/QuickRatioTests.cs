using LoadTests.Benches.Quick;

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

    private static RecordedRatio Recorded(string name, double ratio) => new(name, ratio, "abc1234", new DateOnly(2026, 1, 2));
}
