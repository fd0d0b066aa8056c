using System.Globalization;

namespace LoadTests.Benches.Quick;

/// <summary>A ratio that the guard measured.</summary>
/// <param name="LessIsBetter">It is a cost, such as added latency; else a gain, such as throughput.</param>
internal sealed record QuickRatio(string Name, double Value, bool LessIsBetter)
{
    /// <summary>
    /// A ratio of one run on a busy machine easily differs by a third. Only what is twice as bad as it was is called a regression.
    /// </summary>
    public const double Tolerance = 2;

    /// <param name="recorded">Null: nothing is known to compare it with, so it cannot be worse; that it is missing is told on its own.</param>
    public bool IsRegression(RecordedRatio? recorded) => recorded is not null
        && (LessIsBetter ? Value > recorded.Ratio * Tolerance : Value < recorded.Ratio / Tolerance);

    public QuickRatio BetterOf(QuickRatio other) => LessIsBetter == (Value < other.Value) ? this : other;

    public string Describe(RecordedRatio? recorded) => recorded is null
        ? string.Create(CultureInfo.InvariantCulture, $"ratio {Name} {Value:0.00}  (not recorded)")
        : string.Create(
            CultureInfo.InvariantCulture,
            $"ratio {Name} {Value:0.00}  (recorded {recorded.Ratio:0.00} at {recorded.Commit}, {(LessIsBetter ? "at most" : "at least")} {(LessIsBetter ? recorded.Ratio * Tolerance : recorded.Ratio / Tolerance):0.00}){(IsRegression(recorded) ? "  WORSE" : "")}");
}
