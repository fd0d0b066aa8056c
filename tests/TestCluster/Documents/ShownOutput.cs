using System.Text.RegularExpressions;

namespace TestCluster;

/// <summary>
/// Compares output with what a document shows. Entity tags, times, request ids, UUIDs, cursors and session tokens differ from run to run:
/// one is as good as another. <c>…</c> stands for any text, also for none. Blanks count only within double quotes.
/// </summary>
public static partial class ShownOutput
{
    private const char LeftOut = '…';

    public static bool Fits(string shown, string actual)
    {
        var pattern = string.Join(".*", Normalize(shown).Split(LeftOut).Select(Regex.Escape));
        return Regex.IsMatch(Normalize(actual), $"\\A{pattern}\\z", RegexOptions.Singleline, TimeSpan.FromSeconds(10));
    }

    private static string Normalize(string text) =>
        Blanks().Replace(Varying().Replace(text.Replace("\r", "", StringComparison.Ordinal), "<varies>"), match => match.Value[0] == '"' ? match.Value : "");

    [GeneratedRegex(
        """
        (?<=") [0-9]{16} (?=\\?")                                               # an entity tag
        | [0-9]{4}-[0-9]{2}-[0-9]{2} T [0-9]{2}:[0-9]{2}:[0-9]{2} (\.[0-9]+)? Z # a time in JSON
        | [A-Z][a-z]{2},\ [0-9]{2}\ [A-Z][a-z]{2}\ [0-9]{4}\ [0-9:]{8}\ GMT     # a time in a header
        | \b [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12} \b    # a UUID
        | \b [0-9a-f]{32} \b                                                    # a request id
        | (?<= \bdur=) [0-9.]+                                                  # Server-Timing
        | (?<= "next":") [A-Za-z0-9_-]+                                         # a cursor
        | (?<= ^ session-token:\ ) \S+
        | \b [0-9.,]+ (?= \ (s|cities/s) \b )                                   # how long a command took
        """,
        RegexOptions.IgnorePatternWhitespace | RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Varying();

    [GeneratedRegex("""
        "(?:[^"\\\n]|\\.)*"|\s+
        """, RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Blanks();
}
