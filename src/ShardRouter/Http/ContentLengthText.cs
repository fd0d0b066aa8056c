using System.Text;

namespace ShardRouter.Http;

/// <summary>
/// Decodes the header Content-Length so that the server reads of it what RFC 9110 allows, which are digits. By itself it takes a sign and
/// blanks too, and gives no answer at all to more than twenty digits.
/// </summary>
/// <remarks>
/// An encoding is the only place where the server shows the text. What is no number becomes a text that is none either, and the server
/// answers 400 and closes the connection. More digits than <see cref="MostDigits"/>, zeros in front included, become
/// <see cref="TooLong"/>, which <see cref="Pipeline"/> refuses with a problem: a server on the way that counts in 32 bits may see another
/// end of such a body than this one.
/// </remarks>
internal sealed class ContentLengthText : Encoding
{
    private const int MostDigits = 10;

    public const long TooLong = 99_999_999_999;

    private static readonly Encoding Plain = Latin1;

    /// <summary>The server calls this one.</summary>
    public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
    {
        var isNumber = !bytes.IsEmpty && !bytes.ContainsAnyExceptInRange((byte)'0', (byte)'9');
        if (isNumber && bytes.Length <= MostDigits)
            return Plain.GetChars(bytes, chars);
        ReadOnlySpan<char> stands = isNumber ? "99999999999" : "no number";
        stands.CopyTo(chars);
        return stands.Length;
    }

    public override int GetByteCount(char[] chars, int index, int count) => Plain.GetByteCount(chars, index, count);

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Plain.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) => Plain.GetCharCount(bytes, index, count);

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        Plain.GetChars(bytes, byteIndex, byteCount, chars, charIndex);

    public override int GetMaxByteCount(int charCount) => Plain.GetMaxByteCount(charCount);

    public override int GetMaxCharCount(int byteCount) => Plain.GetMaxCharCount(byteCount);
}
