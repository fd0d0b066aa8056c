using System.CommandLine;
using System.Globalization;

namespace ShardAdmin.Keys;

/// <summary>Times as people give them for keys: <c>90d</c>, <c>24h</c>, <c>30m</c>, or a day or a moment in UTC.</summary>
internal static class KeyExpiry
{
    private static readonly string[] Moments = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm'Z'", "yyyy-MM-dd'T'HH:mm:ss'Z'"];

    private const DateTimeStyles Universal = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;

    /// <summary>Ten years: more is a typing error.</summary>
    private const double MaxDays = 3660;

    public static Option<string?> NewOption(string description)
    {
        var option = new Option<string?>("--expires") { Description = description, HelpName = "TIME" };
        option.Validators.Add(result =>
        {
            var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
            if (TryParse(text, DateTime.UtcNow) is not { } at || at <= DateTime.UtcNow)
                result.AddError(
                    $"--expires takes a time that is to come, such as 90d, 24h, 2027-01-01 or 2027-01-01T12:00Z (UTC), not '{text}'.");
        });
        return option;
    }

    /// <returns>Null: it is no such time.</returns>
    public static DateTime? TryParse(string text, DateTime now) =>
        TryParseSpan(text) is { } span ? now + span
        : DateTime.TryParseExact(text, Moments, CultureInfo.InvariantCulture, Universal, out var moment) ? moment
        : null;

    /// <returns>Null: it is no such span.</returns>
    public static TimeSpan? TryParseSpan(string text)
    {
        var days = text.Length < 2 ? 0 : text[^1] switch
        {
            'd' => 1.0,
            'h' => 1.0 / 24,
            'm' => 1.0 / (24 * 60),
            's' => 1.0 / (24 * 3600),
            _ => 0,
        };
        return days > 0
            && double.TryParse(text.AsSpan(..^1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && number * days <= MaxDays
            ? TimeSpan.FromDays(number * days)
            : null;
    }
}
