using System.Globalization;
using System.Text;
using LoadTests.Benches;

namespace LoadTests.Http;

/// <summary>PUT of a ranked item that exists already, with another rank: both of its indexes have to change.</summary>
internal sealed class PutRanked(RankedItems items) : IHttpRequest
{
    private static readonly byte[] Rank = ", \"rank\": "u8.ToArray();
    private static readonly byte[] Group = ", \"group\": \"g"u8.ToArray();
    private static readonly byte[] End = Encoding.ASCII.GetBytes($"\", \"note\": \"{RankedItems.Note}\"}}");

    private static readonly int DocumentBytes =
        BenchItems.DocumentBegin.Length + BenchItems.Digits + Rank.Length + BenchItems.Digits + Group.Length + 2 + End.Length;

    private readonly ItemSet _set = ItemSet.Of(items);
    private readonly byte[] _begin = RequestText.Begin("PUT", ItemSet.Of(items));
    private readonly byte[] _rest = Encoding.ASCII.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $" HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {DocumentBytes}\r\n\r\n")
        + BenchItems.DocumentBegin);

    public int Choose(Random random) => _set.Choose(random);

    public int Write(Span<byte> buffer, int item)
    {
        var length = RequestText.Write(buffer, _begin, _set, item, _rest);
        length = Append(buffer, length, item, "0");
        length = Append(buffer, length, Rank);
        length = Append(buffer, length, Random.Shared.Next(RankedItems.First, items.Last + 1), "0");
        length = Append(buffer, length, Group);
        length = Append(buffer, length, item % RankedItems.Groups, "00");
        return Append(buffer, length, End);
    }

    public void Check(in HttpAnswer answer, int item)
    {
        if (answer.Status != 200)
            throw RequestText.Wrong("PUT", item, answer);
    }

    private static int Append(Span<byte> buffer, int length, ReadOnlySpan<byte> text)
    {
        text.CopyTo(buffer[length..]);
        return length + text.Length;
    }

    private static int Append(Span<byte> buffer, int length, int number, string format)
    {
        number.TryFormat(buffer[length..], out var digits, format, CultureInfo.InvariantCulture);
        return length + digits;
    }
}
