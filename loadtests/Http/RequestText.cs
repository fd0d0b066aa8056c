using System.Globalization;
using System.Text;
using LoadTests.Benches;
using LoadTests.Engine;

namespace LoadTests.Http;

/// <summary>What requests about items have in common.</summary>
internal static class RequestText
{
    private const int ShownBytes = 400;

    /// <summary>"GET /v1/collections/bench/items/"</summary>
    public static byte[] Begin(string method) => Encoding.ASCII.GetBytes($"{method} /v1/collections/{BenchItems.Collection}/items/");

    /// <summary>Writes "{begin}{item}/{item}{rest}".</summary>
    public static int Write(Span<byte> buffer, ReadOnlySpan<byte> begin, int item, ReadOnlySpan<byte> rest)
    {
        begin.CopyTo(buffer);
        var length = begin.Length;
        item.TryFormat(buffer[length..], out var digits, default, CultureInfo.InvariantCulture);
        length += digits;
        buffer[length++] = (byte)'/';
        item.TryFormat(buffer[length..], out digits, default, CultureInfo.InvariantCulture);
        length += digits;
        rest.CopyTo(buffer[length..]);
        return length + rest.Length;
    }

    public static WrongAnswerException Wrong(string request, int item, in HttpAnswer answer) => new(
        $"{request} of item {item} was answered with {answer.Status}: {Encoding.UTF8.GetString(answer.Body.Span[..Math.Min(answer.Body.Length, ShownBytes)])}");
}
