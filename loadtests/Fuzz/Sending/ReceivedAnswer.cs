using System.Globalization;
using System.Text;

namespace Fuzz.Sending;

/// <summary>One answer out of the bytes that came. It reads more than this API answers, because the proxy answers some requests itself.</summary>
/// <param name="Head">Status line and headers.</param>
internal sealed record ReceivedAnswer(int Status, string Head, byte[] Body, bool KeepsConnection)
{
    public string BodyText => Encoding.UTF8.GetString(Body);

    /// <param name="received">From the first byte of the answer on.</param>
    /// <param name="isToHead">The request was HEAD: no body follows, whatever the headers say.</param>
    /// <param name="isEnd">Nothing more will come.</param>
    /// <returns>The answer and its length; null: it is not whole.</returns>
    /// <exception cref="FormatException">This is no answer.</exception>
    public static (ReceivedAnswer Answer, int Length)? TryRead(ReadOnlySpan<byte> received, bool isToHead, bool isEnd)
    {
        var end = received.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return null;
        var head = Encoding.Latin1.GetString(received[..end]);
        if (!head.StartsWith("HTTP/1.", StringComparison.Ordinal) || head.Length < 12 || !int.TryParse(head.AsSpan(9, 3), CultureInfo.InvariantCulture, out var status))
            throw new FormatException($"This is no answer: {head[..Math.Min(head.Length, 100)]}");
        var body = end + 4;
        var keeps = !"close".Equals(Header(head, "connection"), StringComparison.OrdinalIgnoreCase);
        if (isToHead || status is 204 or 304 or < 200)
            return (new ReceivedAnswer(status, head, [], keeps), body);
        if (Header(head, "content-length") is { } text)
        {
            if (!int.TryParse(text, CultureInfo.InvariantCulture, out var length) || length < 0)
                throw new FormatException($"This is no length: {text}");
            return received.Length < body + length ? null : (new ReceivedAnswer(status, head, received.Slice(body, length).ToArray(), keeps), body + length);
        }
        if (Header(head, "transfer-encoding") is not null)
            return Joined(received, body) is not { } joined ? null : (new ReceivedAnswer(status, head, joined.Body, keeps), joined.End);
        return isEnd ? (new ReceivedAnswer(status, head, received[body..].ToArray(), KeepsConnection: false), received.Length) : null;
    }

    private static string? Header(string head, string name)
    {
        foreach (var line in head.Split("\r\n").Skip(1))
            if (line.Length > name.Length && line[name.Length] == ':' && line.StartsWith(name, StringComparison.OrdinalIgnoreCase))
                return line[(name.Length + 1)..].Trim();
        return null;
    }

    private static (byte[] Body, int End)? Joined(ReadOnlySpan<byte> received, int at)
    {
        var body = new List<byte>();
        while (true)
        {
            var line = received[at..].IndexOf("\r\n"u8);
            if (line < 0)
                return null;
            var size = Convert.ToInt32(Encoding.ASCII.GetString(received.Slice(at, line)).Split(';')[0], 16);
            at += line + 2;
            if (received.Length < at + size + 2)
                return null;
            body.AddRange(received.Slice(at, size));
            at += size + 2;
            if (size == 0)
                return ([.. body], at);
        }
    }
}
