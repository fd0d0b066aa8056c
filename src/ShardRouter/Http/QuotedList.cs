using System.Text;
using System.Text.Json;

namespace ShardRouter.Http;

/// <summary>
/// The values of <c>in.a,"b,c"</c>: one that has a comma stands in double quotes, in which a backslash escapes. So a JSON text can be
/// written, and what PostgREST's clients write.
/// </summary>
internal static class QuotedList
{
    /// <returns>The values as they stand there, quotes included; null: some quotes do not end before a comma or the end.</returns>
    public static List<string>? Split(string text)
    {
        var values = new List<string>();
        for (var start = 0; start <= text.Length;)
        {
            if (EndOf(text, start) is not { } end)
                return null;
            values.Add(text[start..end]);
            start = end + 1;
        }
        return values;
    }

    private static int? EndOf(string text, int start)
    {
        if (start == text.Length || text[start] != '"')
            return text.IndexOf(',', start) is >= 0 and var comma ? comma : text.Length;
        for (var i = start + 1; i < text.Length; i++)
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                return (i + 1 == text.Length || text[i + 1] == ',') && IsJson(text[start..(i + 1)]) ? i + 1 : null;
        return null;
    }

    private static bool IsJson(string text)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text));
        try
        {
            return reader.Read();
        }
        catch (JsonException)
        {
            return false; // such as "\x": an escape that JSON does not know
        }
    }
}
