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
/// prints 131,072 characters; and all of it at most 2 MiB when printed, because many numbers of 400 digits fit into 1 MiB.
/// </remarks>
internal static class DocumentRules
{
    public const int MaxDepth = 64;
    public const int MaxDigits = 400;

    /// <summary>A document may take so much when Postgres prints it, with its blanks and written-out numbers, whether it was put or patched.</summary>
    /// <remarks>
    /// As max_bytes in sharding.changed_document. Compact JSON of <see cref="RequestBody.MaxDocumentBytes"/> without exponents always fits.
    /// </remarks>
    public const int MaxPrintedBytes = 2 * 1024 * 1024;

    /// <param name="allowArray">A JSON Patch is an array.</param>
    /// <param name="pointer">Where the document stands in the body, for the problem.</param>
    /// <exception cref="ProblemException">invalid-json or too-large; the detail says what is wrong where.</exception>
    public static void Check(ReadOnlySpan<byte> utf8, bool allowArray = false, string? pointer = null)
    {
        if (!Utf8.IsValid(utf8))
            throw Invalid("The text is not valid UTF-8.", pointer);
        if (PrintedSize(utf8, allowArray, pointer) is var printed and > MaxPrintedBytes)
            throw TooLarge(printed, pointer);
    }

    /// <returns>How many bytes the document has when Postgres prints it.</returns>
    /// <exception cref="ProblemException">invalid-json.</exception>
    public static long PrintedSize(ReadOnlySpan<byte> utf8, bool allowArray = false, string? pointer = null)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        var check = new DocumentCheck(pointer);
        try
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject && !(allowArray && reader.TokenType == JsonTokenType.StartArray))
                throw Invalid(allowArray ? "Expected a JSON object or array." : "A document is a JSON object.", pointer);
            do
                check.Token(ref reader);
            while (reader.Read());
            return check.PrintedBytes;
        }
        catch (JsonException e)
        {
            throw Invalid(Explain(e, utf8.Length), pointer);
        }
    }

    /// <summary>Whether a number, as written, has at most <see cref="MaxDigits"/> digits when written without exponent.</summary>
    public static bool IsPrintable(ReadOnlySpan<byte> number) => PrintedNumber.Of(number).Digits <= MaxDigits;

    private static string Explain(JsonException error, int length)
    {
        if (length == 0)
            return "The body is empty.";
        if (error.Message.Contains("maximum configured depth", StringComparison.OrdinalIgnoreCase)) // a truncated text, too, is told of by its depth
            return $"It is nested deeper than {MaxDepth}.";
        return $"Not valid JSON at line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}.";
    }

    private static ProblemException TooLarge(long printed, string? pointer) => new(Problems.TooLarge(
        $"It takes {printed} bytes when its numbers are written without exponent, as Postgres does; at most {MaxPrintedBytes} are allowed.") with
    {
        Pointer = pointer,
    });

    private static ProblemException Invalid(string detail, string? pointer) => new(Problems.InvalidJson(detail, pointer));
}
