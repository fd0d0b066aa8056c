using System.Text;
using ShardRouter.Refusals;

namespace ShardRouter.Keys;

/// <summary>
/// Takes keys from the raw request target and decodes them exactly once. The framework's own path is of no use for keys. It leaves
/// <c>%2F</c> encoded, so <c>a%2Fb</c> and <c>a%252Fb</c> become one key. It also removes <c>%2E%2E</c>.
/// </summary>
internal static class RawTarget
{
    /// <summary>The most bytes of UTF-8 in a partition key or an id.</summary>
    public const int MaxKeyBytes = 1024;

    /// <returns>The path of an origin-form or absolute-form target, still encoded, without the query.</returns>
    public static string PathOf(string rawTarget)
    {
        var start = 0;
        if (!rawTarget.StartsWith('/'))
        {
            var authority = rawTarget.IndexOf("://", StringComparison.Ordinal);
            start = authority < 0 ? -1 : rawTarget.IndexOf('/', authority + 3);
            if (start < 0)
                return "/";
        }
        var end = rawTarget.AsSpan(start).IndexOfAny('?', '#');
        return end < 0 ? rawTarget[start..] : rawTarget.Substring(start, end);
    }

    /// <summary>Decodes one path segment into a key.</summary>
    /// <param name="name">pk or id, for the message.</param>
    /// <exception cref="ProblemException">invalid-key.</exception>
    public static string DecodeKey(ReadOnlySpan<char> segment, string name)
    {
        if (segment.Length > MaxKeyBytes * 3)
            throw Invalid(name, $"is longer than {MaxKeyBytes} bytes of UTF-8");
        Span<byte> bytes = stackalloc byte[segment.Length];
        return Decode(segment, ref bytes) is { } why ? throw Invalid(name, why) : CheckKey(Encoding.UTF8.GetString(bytes), name);
    }

    /// <summary>Refuses a query that the framework would not decode but take literally: <c>id.gt=%FF</c> as the text "%FF".</summary>
    /// <exception cref="ProblemException">invalid-parameter.</exception>
    public static void CheckQuery(string rawTarget)
    {
        var query = rawTarget.AsSpan(rawTarget.IndexOf('?', StringComparison.Ordinal) + 1);
        if (query.Length == rawTarget.Length || !query.Contains('%'))
            return;
        foreach (var range in query.Split('&'))
        {
            var parameter = query[range];
            Span<byte> bytes = new byte[parameter.Length];
            if (Decode(parameter, ref bytes) is { } why)
                throw new ProblemException(Problems.InvalidParameter(parameter[..(parameter.IndexOf('=') is >= 0 and var end ? end : parameter.Length)].ToString(), $"It {why}."));
        }
    }

    /// <param name="bytes">As long as the text; afterwards the decoded bytes.</param>
    /// <returns>The error in the text; null: there is none.</returns>
    private static string? Decode(ReadOnlySpan<char> text, ref Span<byte> bytes)
    {
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c != '%')
            {
                if (c is <= ' ' or >= '\x7f') // no header could repeat such a character either
                    return "has a character that must be percent-encoded";
                bytes[length++] = (byte)c;
                continue;
            }
            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
                return "has a '%' that is not followed by two hexadecimal digits";
            bytes[length++] = byte.Parse(text.Slice(i + 1, 2), System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture);
            i += 2;
        }
        bytes = bytes[..length];
        return System.Text.Unicode.Utf8.IsValid(bytes) ? null : "is not valid UTF-8";
    }

    /// <summary>Checks a key from a body, or one that has been decoded.</summary>
    public static string CheckKey(string key, string name, string? pointer = null)
    {
        if (key.Length == 0)
            throw Invalid(name, "is empty", pointer);
        if (key.Contains('\0'))
            throw Invalid(name, "contains NUL", pointer);
        return Encoding.UTF8.GetByteCount(key) <= MaxKeyBytes ? key : throw Invalid(name, $"is longer than {MaxKeyBytes} bytes of UTF-8", pointer);
    }

    private static ProblemException Invalid(string name, string why, string? pointer = null) =>
        new(Problems.InvalidKey($"The {name} {why}.", pointer));
}
