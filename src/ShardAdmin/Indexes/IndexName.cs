using System.Text.RegularExpressions;

namespace ShardAdmin.Indexes;

/// <summary>The rule for names of indexes: <c>[a-z][a-z0-9_-]{0,62}</c>, and not those of the indexes that every collection has.</summary>
internal static partial class IndexName
{
    public const string Rule = "a lower-case letter, then up to 62 of a-z, 0-9, '_' and '-'; not pkey and not expires_at";

    public static bool IsValid(string name) => Pattern().IsMatch(name) && name is not ("pkey" or "expires_at");

    [GeneratedRegex("^[a-z][a-z0-9_-]{0,62}\\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
