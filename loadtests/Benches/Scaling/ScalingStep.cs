using System.Globalization;
using LoadTests.Engine;
using LoadTests.Reports;

namespace LoadTests.Benches.Scaling;

/// <summary>One number of shards or routers, measured.</summary>
/// <param name="RateOfOne">Operations that were begun in a second for each.</param>
/// <param name="Most">One, asked for as much as it gives; null for the others.</param>
internal sealed record ScalingStep(int Count, double RateOfOne, Standing Standing, LoadResult? Most)
{
    public double PerSecond => Standing.MedianPerSecond;

    public TimeSpan P50 => Standing.MedianOf(latency => latency.P50) ?? TimeSpan.Zero;

    public TimeSpan P99 => Standing.MedianOf(latency => latency.P99) ?? TimeSpan.Zero;

    /// <summary>The median over the rounds, each of which saw the same minute of the machine.</summary>
    public double TimesOne(ScalingStep one) => Standing.RatioTo(one.Standing).Median;

    public double P99TimesOne(ScalingStep one) =>
        Standing.Median(Standing.Runs.Zip(one.Standing.Runs, (own, other) => own.Latency.P99!.Value / other.Latency.P99!.Value));

    public string[] Row(ScalingStep one) =>
    [
        Count.ToString(CultureInfo.InvariantCulture), FigureText.Rate(PerSecond), FigureText.Number(TimesOne(one)),
        (TimesOne(one) / Count).ToString("0 %", CultureInfo.InvariantCulture), FigureText.Time(P50), FigureText.Time(P99),
        FigureText.Time(Standing.MedianOf(latency => latency.Max)),
    ];

    /// <summary>The same one with clients that never wait: what it gives at most.</summary>
    public string[] MostRow() => ["1, saturated", FigureText.Rate(Most!.PerSecond), "", "", FigureText.Time(Most.Latency.P50), FigureText.Time(Most.Latency.P99), FigureText.Time(Most.Latency.Max)];
}
