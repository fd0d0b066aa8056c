using System.Text.RegularExpressions;

namespace ShardAdmin.Output;

/// <summary>
/// Takes secrets out of what people typed, before it comes into a message, a journal, the ring's history or the audit log: passwords of
/// connection strings and addresses, and API keys.
/// </summary>
internal static partial class HiddenSecrets
{
    public static string In(string text) =>
        ApiKey().Replace(InAddress().Replace(InSettings().Replace(text, "${kept}…"), "${kept}…@"), "${kept}…");

    /// <summary><c>password=…</c>, up to what ends it in a connection string.</summary>
    [GeneratedRegex(
        @"(?<kept>(password|pwd)\s*=\s*)[^,;\s]+", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex InSettings();

    /// <summary><c>scheme://user:password@host</c>.</summary>
    [GeneratedRegex(@"(?<kept>://[^:@/\s]*:)[^/\s]+@", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex InAddress();

    [GeneratedRegex("(?<kept>shk_[0-9A-Za-z]{16}_)[0-9A-Za-z]+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ApiKey();
}
