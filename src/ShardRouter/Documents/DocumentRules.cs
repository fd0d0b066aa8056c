using System.Text.Json;
using System.Text.Unicode;
using ShardRouter.Http;
using ShardRouter.Refusals;

namespace ShardRouter.Documents;

/// <summary>
/// The rules for documents. One pass over the bytes checks them before the document goes anywhere. So no document can fail in the shard,
/// where the other operations of its statement would fail with it.
/// </summary>
/// <remarks>
/// A document is a JSON object in UTF-8. It is nested at most 64 deep and has no duplicate names. It has no <c>\u0000</c> and no lone
/// surrogate, because jsonb cannot hold them. A number has at most 400 digits when written out, because Postgres stores <c>1e131071</c>
/// in 22 bytes and prints 131,072 characters. The whole document has at most 2 MiB when printed, because many numbers of 400 digits fit
/// into 1 MiB.
/// </remarks>
internal static class DocumentRules
{
    public const int MaxDepth = 64;
    public const int MaxDigits = 400;

    /// <summary>
    /// The most bytes of a document when Postgres prints it, with its blanks and with numbers written out. The limit is the same for puts
    /// and for results of patches.
    /// </summary>
    /// <remarks>
    /// max_bytes in sharding.changed_document is the same number. Compact JSON of <see cref="RequestBody.MaxDocumentBytes"/> without
    /// exponents always fits.
    /// </remarks>
    public const int MaxPrintedBytes = 2 * 1024 * 1024;

    /// <param name="allowArray">True for a JSON Patch, which is an array.</param>
    /// <param name="pointer">The document's place in the body, for the problem.</param>
    /// <exception cref="ProblemException">invalid-json or too-large; the detail says what is wrong and where.</exception>
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
        // The error of a truncated text mentions a depth too.
        if (error.Message.Contains("maximum configured depth", StringComparison.OrdinalIgnoreCase))
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
