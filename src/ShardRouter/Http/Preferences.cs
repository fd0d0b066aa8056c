namespace ShardRouter.Http;

/// <summary>
/// Reads the Prefer header by RFC 7240. What cannot be read there is no preference, and no error either: the header only wishes.
/// </summary>
/// <remarks>
/// <c>preference = token [ "=" word ] *( ";" [ parameter ] )</c>, in which a word is a token or a quoted string, and parameters look like
/// preferences. Names and the values used here have no case. No value and an empty one are the same. Of a name given twice the first
/// counts.
/// </remarks>
internal static class Preferences
{
    /// <param name="value">What the preference must be set to; empty: it has no value.</param>
    public static bool Has(IHeaderDictionary headers, string name, string value)
    {
        foreach (var field in headers["Prefer"])
        {
            var rest = field.AsSpan();
            while (!rest.IsEmpty)
                if (TryReadPreference(ref rest, out var named, out var set) && named.Equals(name, StringComparison.OrdinalIgnoreCase))
                    return set.Equals(value, StringComparison.OrdinalIgnoreCase);
        }
        return false;
    }

    /// <summary>Reads up to the next comma that stands outside of quotes.</summary>
    /// <returns>False: there is no preference, or none that is well-formed.</returns>
    private static bool TryReadPreference(ref ReadOnlySpan<char> rest, out ReadOnlySpan<char> name, out string value)
    {
        var isGood = TryReadSetting(ref rest, out name, out value);
        while (isGood && TryTake(ref rest, ';'))
            if (!IsAt(rest, ';') && !IsAt(rest, ',') && !rest.IsEmpty)
                isGood = TryReadSetting(ref rest, out _, out _);
        isGood &= rest.IsEmpty || IsAt(rest, ',');
        SkipPastComma(ref rest);
        return isGood;
    }

    /// <summary><c>token [ "=" word ]</c>, and the blanks around it.</summary>
    private static bool TryReadSetting(ref ReadOnlySpan<char> rest, out ReadOnlySpan<char> name, out string value)
    {
        value = "";
        rest = rest.TrimStart(" \t");
        name = Token(ref rest);
        if (name.IsEmpty)
            return false;
        if (!TryTake(ref rest, '='))
            return true;
        if (IsAt(rest, '"'))
            return TryReadQuoted(ref rest, out value);
        value = Token(ref rest).ToString();
        rest = rest.TrimStart(" \t");
        return value.Length > 0;
    }

    private static ReadOnlySpan<char> Token(ref ReadOnlySpan<char> rest)
    {
        var length = 0;
        while (length < rest.Length && IsTokenCharacter(rest[length]))
            length++;
        var token = rest[..length];
        rest = rest[length..];
        return token;
    }

    private static bool TryReadQuoted(ref ReadOnlySpan<char> rest, out string value)
    {
        var text = new System.Text.StringBuilder();
        for (var i = 1; i < rest.Length; i++)
        {
            if (rest[i] == '"')
            {
                value = text.ToString();
                rest = rest[(i + 1)..].TrimStart(" \t");
                return true;
            }
            if (rest[i] == '\\' && ++i == rest.Length)
                break;
            text.Append(rest[i]);
        }
        value = "";
        rest = []; // the quote is never closed: all that follows stands in it
        return false;
    }

    /// <summary>Takes the character, and the blanks on both sides of it.</summary>
    private static bool TryTake(ref ReadOnlySpan<char> rest, char c)
    {
        rest = rest.TrimStart(" \t");
        if (!IsAt(rest, c))
            return false;
        rest = rest[1..].TrimStart(" \t");
        return true;
    }

    private static void SkipPastComma(ref ReadOnlySpan<char> rest)
    {
        while (!rest.IsEmpty && rest[0] != ',')
            if (rest[0] != '"')
                rest = rest[1..];
            else
                TryReadQuoted(ref rest, out _);
        rest = rest.IsEmpty ? rest : rest[1..];
    }

    private static bool IsAt(ReadOnlySpan<char> rest, char c) => !rest.IsEmpty && rest[0] == c;

    private static bool IsTokenCharacter(char c) => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal);
}
