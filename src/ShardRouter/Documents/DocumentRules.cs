using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using ShardRouter.Http;

namespace ShardRouter.Documents;

/// <summary>
/// What a document must be, checked in one pass over its bytes before it goes anywhere: then no document can fail in
/// the shard, where it would take its neighbours in the same statement with it.
/// </summary>
/// <remarks>
/// UTF-8 JSON, an object; nesting at most 64; no duplicate names; no <c>\u0000</c> and no lone surrogate, which jsonb
/// cannot hold; a number's expanded form at most 400 digits, because Postgres stores <c>1e131071</c> in 22 bytes and
/// prints 131,072 characters.
/// </remarks>
internal static class DocumentRules
{
    public const int MaxDepth = 64;
    public const int MaxDigits = 400;

    /// <param name="allowArray">A JSON Patch is an array.</param>
    /// <param name="pointer">Where the document stands in the body, for the problem.</param>
    /// <exception cref="ProblemException">invalid-json; the detail says what is wrong where.</exception>
    public static void Check(ReadOnlySpan<byte> utf8, bool allowArray = false, string? pointer = null)
    {
        if (!Utf8.IsValid(utf8))
            throw Invalid("The text is not valid UTF-8.", pointer);
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        var names = new NamesInScope();
        try
        {
            var first = true;
            while (reader.Read())
            {
                if (first && reader.TokenType != JsonTokenType.StartObject && !(allowArray && reader.TokenType == JsonTokenType.StartArray))
                    throw Invalid(allowArray ? "Expected a JSON object or array." : "A document is a JSON object.", pointer);
                first = false;
                CheckToken(ref reader, names, pointer);
            }
        }
        catch (JsonException e)
        {
            throw Invalid(Explain(e, utf8.Length), pointer);
        }
    }

    /// <summary>Whether a number, as written, has at most <see cref="MaxDigits"/> digits when written without exponent.</summary>
    public static bool IsPrintable(ReadOnlySpan<byte> number)
    {
        var exponentAt = number.IndexOfAny((byte)'e', (byte)'E');
        var mantissa = exponentAt < 0 ? number : number[..exponentAt];
        if (mantissa[0] == '-')
            mantissa = mantissa[1..];
        var pointAt = mantissa.IndexOf((byte)'.');
        var whole = pointAt < 0 ? mantissa.Length : pointAt;
        var fraction = pointAt < 0 ? 0 : mantissa.Length - pointAt - 1;
        var exponent = 0;
        if (exponentAt >= 0)
        {
            var text = number[(exponentAt + 1)..];
            if (text[0] == '+')
                text = text[1..];
            if (text.Length > 9 || !System.Buffers.Text.Utf8Parser.TryParse(text, out exponent, out _))
                return false;
        }
        return Math.Max(1, whole + exponent) + Math.Max(0, fraction - exponent) <= MaxDigits;
    }

    private static void CheckToken(ref Utf8JsonReader reader, NamesInScope names, string? pointer)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                names.Open();
                break;
            case JsonTokenType.EndObject:
                names.Close();
                break;
            case JsonTokenType.PropertyName:
                CheckText(ref reader, pointer);
                if (!names.Add(ref reader))
                    throw Invalid($"The name '{Shorten(reader.GetString()!)}' stands twice in one object.", pointer);
                break;
            case JsonTokenType.String:
                CheckText(ref reader, pointer);
                break;
            case JsonTokenType.Number:
                if (!IsPrintable(reader.ValueSpan))
                    throw Invalid($"A number has more than {MaxDigits} digits when written out.", pointer);
                break;
        }
    }

    private static void CheckText(ref Utf8JsonReader reader, string? pointer)
    {
        if (!reader.ValueIsEscaped)
            return;
        try
        {
            if (reader.GetString()!.Contains('\0'))
                throw Invalid("A text contains \\u0000, which cannot be stored.", pointer);
        }
        catch (InvalidOperationException) // what the reader throws for a lone surrogate
        {
            throw Invalid("A text contains an unpaired surrogate (\\uD800…\\uDFFF).", pointer);
        }
    }

    private static string Explain(JsonException error, int length)
    {
        if (length == 0)
            return "The body is empty.";
        if (error.Message.Contains("maximum configured depth", StringComparison.OrdinalIgnoreCase)) // a truncated text, too, is told of by its depth
            return $"It is nested deeper than {MaxDepth}.";
        return $"Not valid JSON at line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}.";
    }

    private static string Shorten(string text) => text.Length <= 60 ? text : string.Concat(text.AsSpan(0, 60), "…");

    private static ProblemException Invalid(string detail, string? pointer) => new(Problems.InvalidJson(detail, pointer));

    /// <summary>The names seen in each object that is open.</summary>
    private sealed class NamesInScope
    {
        private readonly Stack<HashSet<string>> _closed = new(); // emptied sets, for reuse
        private readonly Stack<HashSet<string>> _open = new();

        public void Open() => _open.Push(_closed.TryPop(out var set) ? set : new HashSet<string>(StringComparer.Ordinal));

        public void Close()
        {
            var set = _open.Pop();
            set.Clear();
            _closed.Push(set);
        }

        public bool Add(ref Utf8JsonReader reader) =>
            _open.Peek().Add(reader.ValueIsEscaped ? reader.GetString()! : Encoding.UTF8.GetString(reader.ValueSpan));
    }
}
