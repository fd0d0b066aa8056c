using System.Text.RegularExpressions;

namespace ShardCore.Collections;

/// <summary>The rule for names of collections: <c>[a-z][a-z0-9_-]{0,62}</c>.</summary>
public static partial class CollectionName
{
    public const string Rule = "a lower-case letter, then up to 62 of a-z, 0-9, '_' and '-'";

    public static bool IsValid(string name) => Pattern().IsMatch(name);

    [GeneratedRegex("^[a-z][a-z0-9_-]{0,62}\\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
