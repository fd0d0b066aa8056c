using Microsoft.Extensions.Primitives;

namespace ShardRouter.Access.Tokens;

/// <summary>Takes what a request shows out of its Authorization header (RFC 6750).</summary>
internal static class Bearer
{
    private const string Scheme = "Bearer ";

    /// <returns>Empty: it shows nothing, or nothing of this kind, or two things at once.</returns>
    public static ReadOnlySpan<char> Of(StringValues authorization)
    {
        if (authorization.Count != 1 || authorization[0] is not { } text || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return default;
        return text.AsSpan(Scheme.Length).Trim(' ');
    }
}
