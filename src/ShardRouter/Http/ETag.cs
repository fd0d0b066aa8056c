using System.Globalization;
using ShardRouter.Items;
using ShardRouter.Outcomes;
using ShardRouter.Refusals;

namespace ShardRouter.Http;

/// <summary>
/// The conditional headers (RFC 9110, 8.8.3 and 13.1), which name versions of an item by their entity tags (<see cref="VersionTag"/>).
/// </summary>
internal static class ETag
{
    private const int MaxListed = 20;

    /// <summary>Stands for a well-formed tag that is none of this API's, and matches nothing.</summary>
    private const long Foreign = -1;

    /// <summary>Reads If-Match and If-None-Match of a write.</summary>
    /// <exception cref="ProblemException">A header is malformed, or both are given.</exception>
    public static WriteCondition Condition(IHeaderDictionary headers) =>
        Condition(
            headers.IfMatch.Count == 0 ? null : headers.IfMatch.ToString(),
            headers.IfNoneMatch.Count == 0 ? null : headers.IfNoneMatch.ToString(),
            (name, detail) => Problems.InvalidHeader(name, detail));

    /// <param name="problem">Makes the problem for a condition that cannot be read, from the condition's name and the detail.</param>
    public static WriteCondition Condition(string? ifMatch, string? ifNoneMatch, Func<string, string, Problem> problem)
    {
        if (ifMatch is not null && ifNoneMatch is not null)
            throw new ProblemException(problem("If-None-Match", "If-Match and If-None-Match exclude each other."));
        if (ifMatch is not null)
            return ifMatch.Trim() == "*" ? new(WriteConditionKind.Present)
                : new(WriteConditionKind.Match, ToArrayLiteral(Parse(ifMatch, "If-Match", problem)));
        if (ifNoneMatch is not null)
            return ifNoneMatch.Trim() == "*" ? new(WriteConditionKind.Absent)
                : new(WriteConditionKind.NoMatch, ToArrayLiteral(Parse(ifNoneMatch, "If-None-Match", problem)));
        return default;
    }

    /// <summary>Whether a read's If-None-Match names the version. Then the client has the document already.</summary>
    public static bool IsHeldByClient(IHeaderDictionary headers, long version)
    {
        if (headers.IfNoneMatch.Count == 0)
            return false;
        var text = headers.IfNoneMatch.ToString();
        return text.Trim() == "*" || Parse(text, "If-None-Match", (name, detail) => Problems.InvalidHeader(name, detail)).Contains(version);
    }

    /// <summary>The members of a list. Empty ones count for nothing, but one at least must not be empty.</summary>
    private static List<long> Parse(string text, string name, Func<string, string, Problem> problem)
    {
        var versions = new List<long>();
        for (var rest = text.AsSpan().TrimStart(" \t"); !rest.IsEmpty; rest = rest.TrimStart(" \t"))
        {
            if (rest[0] != ',')
            {
                versions.Add(TryReadTag(ref rest, isStrong: name == "If-Match") ?? throw Malformed());
                rest = rest.TrimStart(" \t");
            }
            if (!rest.IsEmpty)
                rest = rest[0] == ',' ? rest[1..] : throw Malformed();
        }
        return versions.Count switch
        {
            0 => throw Malformed(),
            <= MaxListed => versions,
            _ => throw new ProblemException(problem(name, $"At most {MaxListed} entity tags.")),
        };

        ProblemException Malformed() => new(problem(
            name, $"Expected * or a list of at most {MaxListed} entity tags in double quotes, as the ETag header gave them."));
    }

    /// <param name="isStrong">A weak tag matches nothing.</param>
    /// <returns>The version, or <see cref="Foreign"/>; null: this is no tag.</returns>
    private static long? TryReadTag(ref ReadOnlySpan<char> rest, bool isStrong)
    {
        var isWeak = rest.StartsWith("W/", StringComparison.Ordinal);
        var tag = isWeak ? rest[2..] : rest;
        if (tag.IsEmpty || tag[0] != '"')
            return null;
        tag = tag[1..];
        var end = tag.IndexOf('"');
        if (end < 0)
            return null;
        rest = tag[(end + 1)..];
        tag = tag[..end];
        foreach (var c in tag)
            if (c is <= ' ' or '\x7f')
                return null;
        return isWeak && isStrong ? Foreign : VersionOf(tag);
    }

    /// <summary>Tags are compared character by character, so <c>"017"</c> is not <c>"17"</c>.</summary>
    private static long VersionOf(ReadOnlySpan<char> tag) =>
        tag is not ['0', _, ..] && long.TryParse(tag, NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : Foreign;

    private static string ToArrayLiteral(List<long> versions) => "{" + string.Join(',', versions.Select(version => version.ToString(CultureInfo.InvariantCulture))) + "}";
}
