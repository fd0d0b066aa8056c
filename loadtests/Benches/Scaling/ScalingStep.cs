using System.Globalization;
using LoadTests.Engine;
using Workbench;

namespace LoadTests.Benches.Scaling;

/// <summary>The measurements with one number of shards or routers.</summary>
/// <param name="RateOfOne">How many operations began per second for each part.</param>
/// <param name="Most">The highest throughput of one part; null for larger numbers.</param>
internal sealed record ScalingStep(int Count, double RateOfOne, Standing Standing, LoadResult? Most)
{
    public double PerSecond => Standing.MedianPerSecond;

    public TimeSpan P50 => Standing.MedianOf(latency => latency.P50) ?? TimeSpan.Zero;

    public TimeSpan P99 => Standing.MedianOf(latency => latency.P99) ?? TimeSpan.Zero;

    /// <summary>The median of the ratios of all rounds. Both values of a ratio come from the same minute of the machine.</summary>
    public double TimesOne(ScalingStep one) => Standing.RatioTo(one.Standing).Median;

    public double P99TimesOne(ScalingStep one) => Standing.LatencyRatioTo(one.Standing, latency => latency.P99).Median;

    public string[] Row(ScalingStep one) =>
    [
        Count.ToString(CultureInfo.InvariantCulture), FigureText.Rate(PerSecond), FigureText.Number(TimesOne(one)),
        (TimesOne(one) / Count).ToString("0 %", CultureInfo.InvariantCulture), FigureText.Time(P50), FigureText.Time(P99),
        FigureText.Time(Standing.MedianOf(latency => latency.Max)),
    ];

    /// <summary>The row for one part with clients that never pause: its highest throughput.</summary>
    public string[] MostRow() => ["1, saturated", FigureText.Rate(Most!.PerSecond), "", "", FigureText.Time(Most.Latency.P50), FigureText.Time(Most.Latency.P99), FigureText.Time(Most.Latency.Max)];
}
