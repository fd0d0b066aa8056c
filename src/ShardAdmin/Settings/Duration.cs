using System.Globalization;

namespace ShardAdmin.Settings;

/// <summary>A length of time as people type it: <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c>. A bare number means seconds.</summary>
internal static class Duration
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("", 1)];

    /// <summary>A week. A longer time is a typing error, and timers do not take more than 49 days.</summary>
    private const double MaxSeconds = 7 * 24 * 3600;

    public static bool TryParse(string text, out TimeSpan value)
    {
        var (unit, scale) = Units.First(unit => text.EndsWith(unit.Unit, StringComparison.Ordinal));
        value = default;
        if (!double.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || !(number * scale <= MaxSeconds))
            return false;
        value = TimeSpan.FromSeconds(number * scale);
        return true;
    }
}
