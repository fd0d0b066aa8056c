using System.Globalization;
using ShardRouter.Items;

namespace ShardRouter.Http;

/// <summary>An item's version as a strong entity tag, and the conditional headers that speak of it (RFC 9110, 13.1).</summary>
internal static class ETag
{
    private const int MaxListed = 20;

    public static string Of(long version) => string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");

    /// <summary>Reads If-Match and If-None-Match of a write.</summary>
    /// <exception cref="ProblemException">Malformed, or both given.</exception>
    public static WriteCondition Condition(IHeaderDictionary headers) =>
        Condition(headers.IfMatch.Count == 0 ? null : headers.IfMatch.ToString(), headers.IfNoneMatch.Count == 0 ? null : headers.IfNoneMatch.ToString(), (name, detail) => Problems.InvalidHeader(name, detail));

    /// <param name="problem">Makes the problem for a condition that cannot be read, from its name and what is wrong.</param>
    public static WriteCondition Condition(string? ifMatch, string? ifNoneMatch, Func<string, string, Problem> problem)
    {
        if (ifMatch is not null && ifNoneMatch is not null)
            throw new ProblemException(problem("If-None-Match", "If-Match and If-None-Match exclude each other."));
        if (ifMatch is not null)
            return ifMatch.Trim() == "*" ? new(WriteConditionKind.Present) : new(WriteConditionKind.Match, ToArrayLiteral(Parse(ifMatch, "If-Match", problem)));
        if (ifNoneMatch is not null)
            return ifNoneMatch.Trim() == "*" ? new(WriteConditionKind.Absent) : new(WriteConditionKind.NoMatch, ToArrayLiteral(Parse(ifNoneMatch, "If-None-Match", problem)));
        return default;
    }

    /// <summary>Whether a read's If-None-Match names the version: the client has it already.</summary>
    public static bool IsHeldByClient(IHeaderDictionary headers, long version)
    {
        if (headers.IfNoneMatch.Count == 0)
            return false;
        var text = headers.IfNoneMatch.ToString();
        return text.Trim() == "*" || Parse(text, "If-None-Match", (name, detail) => Problems.InvalidHeader(name, detail)).Contains(version);
    }

    /// <remarks>A well-formed tag that is not one of ours matches nothing: it is -1.</remarks>
    private static List<long> Parse(string text, string name, Func<string, string, Problem> problem)
    {
        var versions = new List<long>();
        foreach (var part in text.Split(','))
        {
            var tag = part.Trim();
            var weak = tag.StartsWith("W/", StringComparison.Ordinal); // never a strong match; for a read's If-None-Match it is as good
            if (weak)
                tag = tag[2..];
            if (tag.Length < 2 || tag[0] != '"' || tag[^1] != '"' || tag.AsSpan(1, tag.Length - 2).Contains('"'))
                throw new ProblemException(problem(name, $"Expected * or a list of at most {MaxListed} entity tags in double quotes, as the ETag header gave them."));
            var known = long.TryParse(tag.AsSpan(1, tag.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var version);
            versions.Add(known && !(weak && name == "If-Match") ? version : -1);
        }
        return versions.Count <= MaxListed ? versions : throw new ProblemException(problem(name, $"At most {MaxListed} entity tags."));
    }

    private static string ToArrayLiteral(List<long> versions) => "{" + string.Join(',', versions.Select(version => version.ToString(CultureInfo.InvariantCulture))) + "}";
}
