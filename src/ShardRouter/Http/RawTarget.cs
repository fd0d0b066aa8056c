using System.Text;

namespace ShardRouter.Http;

/// <summary>
/// Keys from the raw request target, decoded exactly once. The framework's own path is of no use for them: it leaves
/// <c>%2F</c> encoded, so that <c>a%2Fb</c> and <c>a%252Fb</c> become one key, and it removes <c>%2E%2E</c>.
/// </summary>
internal static class RawTarget
{
    /// <summary>Bytes of UTF-8 in a partition key or an id.</summary>
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
        var length = 0;
        for (var i = 0; i < segment.Length; i++)
        {
            var c = segment[i];
            if (c != '%')
            {
                if (c > 0x7F)
                    throw Invalid(name, "has a character that must be percent-encoded");
                bytes[length++] = (byte)c;
                continue;
            }
            if (i + 2 >= segment.Length || !char.IsAsciiHexDigit(segment[i + 1]) || !char.IsAsciiHexDigit(segment[i + 2]))
                throw Invalid(name, "has a '%' that is not followed by two hexadecimal digits");
            bytes[length++] = byte.Parse(segment.Slice(i + 1, 2), System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture);
            i += 2;
        }
        return CheckKey(bytes[..length], name);
    }

    /// <summary>Checks a key that came in a body.</summary>
    public static string CheckKey(string key, string name, string? pointer = null)
    {
        if (key.Length == 0)
            throw Invalid(name, "is empty", pointer);
        if (key.Contains('\0'))
            throw Invalid(name, "contains NUL", pointer);
        return Encoding.UTF8.GetByteCount(key) <= MaxKeyBytes ? key : throw Invalid(name, $"is longer than {MaxKeyBytes} bytes of UTF-8", pointer);
    }

    private static string CheckKey(ReadOnlySpan<byte> utf8, string name)
    {
        if (!System.Text.Unicode.Utf8.IsValid(utf8))
            throw Invalid(name, "is not valid UTF-8");
        return CheckKey(Encoding.UTF8.GetString(utf8), name);
    }

    private static ProblemException Invalid(string name, string why, string? pointer = null) =>
        new(Problems.InvalidKey($"The {name} {why}.", pointer));
}
