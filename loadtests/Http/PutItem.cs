using System.Globalization;
using System.Text;
using LoadTests.Benches;

namespace LoadTests.Http;

/// <summary>PUT of an item that exists already: the answer must be 200, replaced.</summary>
/// <param name="headers">Additional headers, each with its end of line.</param>
internal sealed class PutItem(ItemSet items, string headers = "") : IHttpRequest
{
    private readonly byte[] _begin = RequestText.Begin("PUT", items);
    private readonly byte[] _rest = Encoding.ASCII.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $" HTTP/1.1\r\nHost: bench\r\n{headers}Content-Type: application/json\r\nContent-Length: {BenchItems.DocumentBegin.Length + BenchItems.Digits + items.DocumentEnd.Length}\r\n\r\n{BenchItems.DocumentBegin}"));

    private readonly byte[] _documentEnd = Encoding.ASCII.GetBytes(items.DocumentEnd);

    public int Choose(Random random) => items.Choose(random);

    public int Write(Span<byte> buffer, int item)
    {
        var length = RequestText.Write(buffer, _begin, items, item, _rest);
        item.TryFormat(buffer[length..], out var digits, default, CultureInfo.InvariantCulture);
        _documentEnd.CopyTo(buffer[(length + digits)..]);
        return length + digits + _documentEnd.Length;
    }

    public void Check(in HttpAnswer answer, int item)
    {
        if (answer.Status != 200)
            throw RequestText.Wrong("PUT", item, answer);
    }
}
