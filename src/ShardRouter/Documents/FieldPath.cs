using System.Globalization;

namespace ShardRouter.Documents;

/// <summary>
/// A place in a document: <c>a.b.0</c>, or a JSON pointer <c>/a.b/0</c> where a name itself has dots.
/// </summary>
internal static class FieldPath
{
    public const int MaxSteps = 32;

    /// <returns>The steps, or null when the text is no path.</returns>
    public static string[]? Parse(string text)
    {
        if (text.Length is 0 or > 1024 || text.Contains('\0'))
            return null;
        var steps = text[0] == '/'
            ? [.. text[1..].Split('/').Select(step => step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))]
            : text.Split('.');
        return steps.Length <= MaxSteps && (text[0] == '/' || steps.All(step => step.Length > 0)) ? steps : null;
    }

    /// <summary>
    /// Whether the step names an element where it meets an array: <c>0</c>, or a number without zeros in front. So an element has one name.
    /// </summary>
    public static bool IsIndex(string step, out int index)
    {
        index = 0;
        return (step.Length <= 1 || step[0] != '0') && int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out index);
    }
}
