using System.Globalization;
using LoadTests.Engine;
using LoadTests.Reports;

namespace LoadTests.Benches;

/// <summary>One number of shards, measured.</summary>
/// <param name="RateOfAShard">Operations that were begun in a second for each shard.</param>
/// <param name="Most">One shard, asked for as much as it gives; null for the others.</param>
internal sealed record PartitionedStep(int Shards, double RateOfAShard, Standing Standing, LoadResult? Most)
{
    public double PerSecond => Standing.MedianPerSecond;

    public TimeSpan P50 => Standing.MedianOf(latency => latency.P50) ?? TimeSpan.Zero;

    public TimeSpan P99 => Standing.MedianOf(latency => latency.P99) ?? TimeSpan.Zero;

    public string[] Row(PartitionedStep one) =>
    [
        Shards.ToString(CultureInfo.InvariantCulture), FigureText.Rate(PerSecond), FigureText.Number(PerSecond / one.PerSecond),
        (PerSecond / one.PerSecond / Shards).ToString("0 %", CultureInfo.InvariantCulture), FigureText.Time(P50), FigureText.Time(P99),
        FigureText.Time(Standing.MedianOf(latency => latency.Max)),
    ];

    /// <summary>The same database with 256 clients that never wait: what it gives at most.</summary>
    public string[] MostRow() => ["1, saturated", FigureText.Rate(Most!.PerSecond), "", "", FigureText.Time(Most.Latency.P50), FigureText.Time(Most.Latency.P99), FigureText.Time(Most.Latency.Max)];

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Shards} shards: {FigureText.Rate(PerSecond)}/s of {FigureText.Rate(RateOfAShard * Shards)}, p50 {FigureText.Time(P50)}, p99 {FigureText.Time(P99)}");
}
