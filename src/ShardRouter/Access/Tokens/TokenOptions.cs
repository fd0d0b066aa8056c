using System.Globalization;
using ShardCore.Collections;

namespace ShardRouter.Access.Tokens;

/// <summary>Which JSON web tokens let in.</summary>
/// <param name="Issuer">SHARDING_JWT_ISSUER: their "iss".</param>
/// <param name="Audience">SHARDING_JWT_AUDIENCE: one of their "aud".</param>
/// <param name="Keys">SHARDING_JWT_JWKS: a file, which is watched, or an https address, which is asked again and again.</param>
/// <param name="ClockSkew">SHARDING_JWT_CLOCK_SKEW, in seconds, default 60.</param>
/// <param name="Partitions">SHARDING_JWT_PARTITIONS, for instance <c>{tenant}:*</c>; null: all partitions.</param>
/// <param name="Collections">SHARDING_JWT_COLLECTIONS, separated by commas; null: all.</param>
public sealed record TokenOptions(
    string Issuer, string Audience, string Keys, TimeSpan ClockSkew, ClaimPattern? Partitions, IReadOnlyList<string>? Collections)
{
    private const int MaxSkewSeconds = 600;

    internal static TokenOptions? FromEnvironment(Func<string, string?> variable)
    {
        string[] needed = ["SHARDING_JWT_ISSUER", "SHARDING_JWT_AUDIENCE", "SHARDING_JWT_JWKS"];
        string[] further = ["SHARDING_JWT_CLOCK_SKEW", "SHARDING_JWT_PARTITIONS", "SHARDING_JWT_COLLECTIONS"];
        if (needed.Concat(further).All(name => variable(name) is null))
            return null;
        if (Array.Find(needed, name => variable(name) is null) is { } missing)
            throw new FormatException($"{missing} is not set; tokens need {string.Join(", ", needed)} together.");
        return new TokenOptions(
            variable(needed[0])!, variable(needed[1])!, KeysFrom(variable(needed[2])!), Skew(variable(further[0])),
            ClaimPattern.FromEnvironment(variable(further[1])),
            CollectionsFrom(variable(further[2])));
    }

    private static string KeysFrom(string text)
    {
        if (!text.Contains("://", StringComparison.Ordinal))
            return text;
        return Uri.TryCreate(text, UriKind.Absolute, out var address)
            && (address.Scheme == Uri.UriSchemeHttps || address is { Scheme: "http", IsLoopback: true })
            ? text
            : throw new FormatException(
                $"SHARDING_JWT_JWKS is '{text}'; it must be a file or an https address (http only on this machine).");
    }

    private static TimeSpan Skew(string? text) =>
        text is null ? TimeSpan.FromMinutes(1)
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= MaxSkewSeconds
            ? TimeSpan.FromSeconds(seconds)
        : throw new FormatException(
            $"SHARDING_JWT_CLOCK_SKEW is '{text}'; it must be a whole number of seconds from 0 to {MaxSkewSeconds}.");

    private static string[]? CollectionsFrom(string? text)
    {
        var names = text?.Split(',', StringSplitOptions.TrimEntries);
        return names is null || Array.TrueForAll(names, CollectionName.IsValid)
            ? names
            : throw new FormatException($"SHARDING_JWT_COLLECTIONS is '{text}'; it must be names of collections, separated by commas.");
    }
}
