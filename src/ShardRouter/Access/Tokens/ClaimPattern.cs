using System.Security.Claims;
using System.Text.RegularExpressions;
using ShardCore.Access;

namespace ShardRouter.Access.Tokens;

/// <summary>
/// A partition pattern with claims in it, such as <c>{tenant}:*</c>. A token's own pattern is this one with its claims put in.
/// </summary>
/// <remarks>
/// No claim's value may make a pattern reach further than its tenant. So a value has no <c>*</c>, and not the character that follows the
/// claim in the pattern: a tenant "a" would otherwise reach the partitions of a tenant "a:b". For the same reason something must stand
/// between a claim and the <c>*</c> or the next claim.
/// </remarks>
public sealed partial class ClaimPattern
{
    private const string Variable = "SHARDING_JWT_PARTITIONS";
    private const int MaxValueLength = 256;

    private readonly IReadOnlyList<(string Before, string Claim, char? Next)> _claims;
    private readonly string _rest;

    private ClaimPattern(IReadOnlyList<(string Before, string Claim, char? Next)> claims, string rest) => (_claims, _rest) = (claims, rest);

    /// <exception cref="FormatException">It cannot be used; the message says why.</exception>
    internal static ClaimPattern? FromEnvironment(string? text)
    {
        if (text is null)
            return null;
        var claims = new List<(string, string, char?)>();
        var at = 0;
        foreach (Match match in Claim().Matches(text))
        {
            var end = match.Index + match.Length;
            char? next = end < text.Length ? text[end] : null;
            if (next is '*' or '{')
                throw new FormatException(
                    $"{Variable} is '{text}'; something must stand between a claim and what follows, as in {{tenant}}:*, "
                    + "or one tenant could reach another's partitions.");
            var before = text[at..match.Index];
            if (before.Contains('*'))
                throw new FormatException(
                    $"{Variable} is '{text}'; a '*' may only stand at the end, as in {{tenant}}:*, or no token would have a pattern.");
            claims.Add((before, match.Groups["name"].Value, next));
            at = end;
        }
        var rest = text[at..];
        var literal = string.Concat(claims.Select(claim => claim.Item1)) + rest;
        return !literal.Contains('{') && !literal.Contains('}')
            && PartitionPattern.TryParse(claims.Count > 0 ? "x" + literal : literal) is not null
            ? new ClaimPattern(claims, rest)
            : throw new FormatException(
                $"{Variable} is '{text}'; it must be {PartitionPattern.Rule}, with claims in braces, as in {{tenant}}:*.");
    }

    /// <returns>The token's pattern; null: it lacks a claim, has it twice, or with a value that cannot stand there.</returns>
    internal PartitionPattern? Of(ClaimsPrincipal token)
    {
        var text = "";
        foreach (var (before, name, next) in _claims)
        {
            if (token.FindAll(name).Take(2).ToArray() is not [{ Value: var value }] || !MayStand(value, next))
                return null;
            text += before + value;
        }
        return PartitionPattern.TryParse(text + _rest);
    }

    private static bool MayStand(string value, char? next) =>
        value.Length is > 0 and <= MaxValueLength && !value.Contains('*') && !(next is { } follows && value.Contains(follows));

    [GeneratedRegex(@"\{(?<name>[^{}]+)\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Claim();
}
