using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using LoadTests.Benches;
using LoadTests.Engine;

namespace LoadTests.Http;

/// <summary>
/// A user who asks for random items. Each step is one request for as many items as the API allows. The items are in all shards, so the
/// router asks each shard.
/// </summary>
internal sealed class BatchSession : ILoadSession
{
    public const int Keys = 100;

    private const string KeysBegin = "{\"keys\":[";
    private const string KeysEnd = "]}";
    private const int KeyBytes = 17 + (2 * BenchItems.Digits) + 1; // {"pk":"…","id":"…"} and a comma, which the last one does not have

    private static readonly byte[] Begin = Encoding.ASCII.GetBytes(FormattableString.Invariant(
        $"POST /v1/collections/{BenchItems.Collection}:batchGet HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {KeysBegin.Length + (Keys * KeyBytes) - 1 + KeysEnd.Length}\r\n\r\n{KeysBegin}"));

    private readonly HttpConnection _connection;
    private readonly Random _random;
    private readonly int[] _items = new int[Keys];

    private BatchSession(HttpConnection connection, int seed) => (_connection, _random) = (connection, new Random(seed));

    public static LoadScenario Scenario(string name, Uri server) => new(name, async (user, cancellation) =>
    {
        var connection = new HttpConnection(server, HttpConnection.SmallRequest + (Keys * KeyBytes));
        await connection.OpenAsync(cancellation);
        return new BatchSession(connection, user);
    });

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask StepAsync()
    {
        for (var i = 0; i < Keys; i++)
            _items[i] = BenchItems.Random(_random);
        var answer = await _connection.ExchangeAsync(Write(_connection.Request));
        if ((answer.Status == 200 ? FirstWrong(answer.Body.Span) : _items[0]) is { } item)
            throw RequestText.Wrong("batchGet, the entry", item, answer);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private int Write(Span<byte> buffer)
    {
        var length = Append(buffer, 0, Begin);
        for (var i = 0; i < Keys; i++)
        {
            length = Append(buffer, length, i == 0 ? "{\"pk\":\""u8 : ",{\"pk\":\""u8);
            length = Append(buffer, length, _items[i]);
            length = Append(buffer, length, "\",\"id\":\""u8);
            length = Append(buffer, length, _items[i]);
            length = Append(buffer, length, "\"}"u8);
        }
        return Append(buffer, length, "]}"u8); // KeysEnd
    }

    /// <summary>Results come in the order of the keys; the number is the document's first member.</summary>
    /// <returns>
    /// The first item whose document is missing or wrong; the last item, if the answer has too many; null: everything is right.
    /// </returns>
    private int? FirstWrong(ReadOnlySpan<byte> results)
    {
        Span<byte> number = stackalloc byte[16];
        foreach (var item in _items)
        {
            item.TryFormat(number, out var digits, default, CultureInfo.InvariantCulture);
            var document = results.IndexOf("\"doc\":"u8);
            if (document < 0 || results.Length < document + 30 || results.Slice(document, 30).IndexOf(number[..digits]) < 0)
                return item;
            results = results[(document + 6)..];
        }
        return results.IndexOf("\"doc\":"u8) < 0 ? null : _items[^1];
    }

    private static int Append(Span<byte> buffer, int length, ReadOnlySpan<byte> text)
    {
        text.CopyTo(buffer[length..]);
        return length + text.Length;
    }

    private static int Append(Span<byte> buffer, int length, int number)
    {
        number.TryFormat(buffer[length..], out var digits, default, CultureInfo.InvariantCulture);
        return length + digits;
    }
}
