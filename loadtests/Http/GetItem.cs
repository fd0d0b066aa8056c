using System.Globalization;
using System.Text;

namespace LoadTests.Http;

/// <summary>GET of one item; the answer must be 200 with the document of this item.</summary>
/// <param name="headers">Additional headers, each with its end of line.</param>
internal sealed class GetItem(ItemSet items, string headers = "") : IHttpRequest
{
    private readonly byte[] _begin = RequestText.Begin("GET", items);
    private readonly byte[] _rest = Encoding.ASCII.GetBytes($" HTTP/1.1\r\nHost: bench\r\n{headers}\r\n");

    public int Choose(Random random) => items.Choose(random);

    public int Write(Span<byte> buffer, int item) => RequestText.Write(buffer, _begin, items, item, _rest);

    public void Check(in HttpAnswer answer, int item)
    {
        if (answer.Status != 200 || answer.Body.Length < items.TextBytes || !IsOf(item, answer.Body.Span))
            throw RequestText.Wrong("GET", item, answer);
    }

    /// <summary>The number is the document's first member, with or without a blank before it.</summary>
    private static bool IsOf(int item, ReadOnlySpan<byte> document)
    {
        Span<byte> number = stackalloc byte[16];
        item.TryFormat(number, out var digits, default, CultureInfo.InvariantCulture);
        return document.Length > 24 && document[..24].IndexOf(number[..digits]) > 0;
    }
}
