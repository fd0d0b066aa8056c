using System.Globalization;

namespace LoadTests.Benches.Quick;

/// <summary>A ratio that the guard measured.</summary>
/// <param name="LessIsBetter">True: it is a cost, such as added latency; false: a gain, such as throughput.</param>
internal sealed record QuickRatio(string Name, double Value, bool LessIsBetter)
{
    /// <summary>
    /// On a busy machine the ratio of one run easily differs by a third. Only a ratio that is twice as bad counts as a regression.
    /// </summary>
    public const double Tolerance = 2;

    /// <param name="recorded">Null: there is no recorded ratio, so this one cannot be worse. The missing record is reported
    /// separately.</param>
    public bool IsRegression(RecordedRatio? recorded) => recorded is not null
        && (LessIsBetter ? Value > recorded.Ratio * Tolerance : Value < recorded.Ratio / Tolerance);

    public QuickRatio BetterOf(QuickRatio other) => LessIsBetter == (Value < other.Value) ? this : other;

    public string Describe(RecordedRatio? recorded) => recorded is null
        ? string.Create(CultureInfo.InvariantCulture, $"ratio {Name} {Value:0.00}  (not recorded)")
        : string.Create(
            CultureInfo.InvariantCulture,
            $"ratio {Name} {Value:0.00}  (recorded {recorded.Ratio:0.00} at {recorded.Commit}, {(LessIsBetter ? "at most" : "at least")} {(LessIsBetter ? recorded.Ratio * Tolerance : recorded.Ratio / Tolerance):0.00}){(IsRegression(recorded) ? "  WORSE" : "")}");
}
