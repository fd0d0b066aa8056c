using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Workbench;

namespace LoadTests.Http;

/// <summary>The parts that all requests about items share.</summary>
internal static partial class RequestText
{
    private const int ShownBytes = 400;

    /// <summary>"GET /v1/collections/{collection}/items/", followed by the partition if all items have the same one.</summary>
    public static byte[] Begin(string method, ItemSet items) =>
        Encoding.ASCII.GetBytes(
            $"{method} /v1/collections/{items.Collection}/items/{(items.Partition is { } partition ? partition + "/" : "")}");

    /// <summary>Writes "{begin}{item}/{item}{rest}", or "{begin}{item}{rest}" if the beginning has the partition.</summary>
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

    public static WrongAnswerException Wrong(string request, int item, in HttpAnswer answer) =>
        Wrong(string.Create(CultureInfo.InvariantCulture, $"{request} of item {item}"), answer);

    public static WrongAnswerException Wrong(string request, in HttpAnswer answer)
    {
        var body = Encoding.UTF8.GetString(answer.Body.Span[..Math.Min(answer.Body.Length, ShownBytes)]);
        return new WrongAnswerException($"{request} was answered with {answer.Status}: {body}", kind: KindOf(answer.Status, body));
    }

    /// <summary>A text such as "503 overloaded": refusals are counted by their status and the API's code.</summary>
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
