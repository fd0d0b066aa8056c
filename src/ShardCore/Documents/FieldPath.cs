using System.Globalization;

namespace ShardCore.Documents;

/// <summary>Parses the path to a field of a document: <c>a.b.0</c>, or a JSON pointer <c>/a.b/0</c> if a name has dots.</summary>
public static class FieldPath
{
    public const int MaxSteps = 32;

    /// <returns>The steps, or null when the text is not a path.</returns>
    public static string[]? Parse(string text)
    {
        if (text.Length is 0 or > 1024 || text.Contains('\0'))
            return null;
        if (text[0] == '/' && HasBadEscape(text))
            return null;
        var steps = text[0] == '/'
            ? [.. text[1..].Split('/').Select(step => step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))]
            : text.Split('.');
        return steps.Length <= MaxSteps && (text[0] == '/' || steps.All(step => step.Length > 0)) ? steps : null;
    }

    /// <summary>RFC 6901: a '~' in a pointer is followed by 0 or 1.</summary>
    private static bool HasBadEscape(string pointer)
    {
        for (var at = pointer.IndexOf('~', StringComparison.Ordinal); at >= 0; at = pointer.IndexOf('~', at + 1))
            if (at + 1 == pointer.Length || pointer[at + 1] is not ('0' or '1'))
                return true;
        return false;
    }

    /// <summary>
    /// Whether the step names an element of an array: <c>0</c>, or a number without leading zeros. So each element has exactly one name.
    /// </summary>
    public static bool IsIndex(string step, out int index)
    {
        index = 0;
        return (step.Length <= 1 || step[0] != '0') && int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out index);
    }
}
