using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using LoadTests.Benches;
using LoadTests.Engine;

namespace LoadTests.Http;

/// <summary>What requests about items have in common.</summary>
internal static partial class RequestText
{
    private const int ShownBytes = 400;

    /// <summary>"GET /v1/collections/bench/items/", and the partition where all items have one.</summary>
    public static byte[] Begin(string method, ItemSet items) =>
        Encoding.ASCII.GetBytes($"{method} /v1/collections/{BenchItems.Collection}/items/{(items.Partition is { } partition ? partition + "/" : "")}");

    /// <summary>Writes "{begin}{item}/{item}{rest}", or "{begin}{item}{rest}" where the partition is in the beginning.</summary>
    public static int Write(Span<byte> buffer, ReadOnlySpan<byte> begin, ItemSet items, int item, ReadOnlySpan<byte> rest)
    {
        begin.CopyTo(buffer);
        var length = begin.Length;
        int digits;
        if (items.Partition is null)
        {
            item.TryFormat(buffer[length..], out digits, default, CultureInfo.InvariantCulture);
            length += digits;
            buffer[length++] = (byte)'/';
        }
        item.TryFormat(buffer[length..], out digits, default, CultureInfo.InvariantCulture);
        length += digits;
        rest.CopyTo(buffer[length..]);
        return length + rest.Length;
    }

    public static WrongAnswerException Wrong(string request, int item, in HttpAnswer answer)
    {
        var body = Encoding.UTF8.GetString(answer.Body.Span[..Math.Min(answer.Body.Length, ShownBytes)]);
        return new WrongAnswerException($"{request} of item {item} was answered with {answer.Status}: {body}", kind: KindOf(answer.Status, body));
    }

    /// <summary>"503 overloaded": a refusal is counted by its status and the API's own word.</summary>
    private static string KindOf(int status, string body)
    {
        if (status < 400)
            return WrongAnswerException.WrongContent;
        var code = Code().Match(body);
        return string.Create(CultureInfo.InvariantCulture, $"{status} {(code.Success ? code.Groups["code"].Value : "without a code")}");
    }

    [GeneratedRegex("\"code\": ?\"(?<code>[a-z-]+)\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Code();
}
