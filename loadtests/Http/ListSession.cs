using System.Buffers.Text;
using System.Runtime.CompilerServices;
using System.Text;
using LoadTests.Benches;
using LoadTests.Engine;

namespace LoadTests.Http;

/// <summary>A user who reads a partition page by page, from its first item to its last, again and again; each step is one page.</summary>
internal sealed class ListSession : ILoadSession
{
    private const int PageItems = 100;

    private static readonly byte[] Begin = Encoding.ASCII.GetBytes(FormattableString.Invariant($"GET /v1/collections/{BenchItems.Collection}/items/{ItemSet.Hot.Partition}?limit={PageItems}"));
    private static readonly byte[] Rest = " HTTP/1.1\r\nHost: bench\r\n\r\n"u8.ToArray();

    private readonly HttpConnection _connection;
    private readonly byte[] _cursor = new byte[1024];
    private int _cursorLength; // 0: the next page is the first

    private ListSession(HttpConnection connection) => _connection = connection;

    public static LoadScenario Scenario(string name, Uri server) => new(name, async (_, cancellation) =>
    {
        var connection = new HttpConnection(server);
        await connection.OpenAsync(cancellation);
        return new ListSession(connection);
    });

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask StepAsync()
    {
        var answer = await _connection.ExchangeAsync(Write(_connection.Request));
        if (answer.Status != 200 || !answer.Body.Span.StartsWith("{\"items\":["u8))
        {
            _cursorLength = 0;
            throw RequestText.Wrong("GET of a page", PageItems, answer);
        }
        KeepCursor(answer.Body.Span);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private int Write(Span<byte> buffer)
    {
        Begin.CopyTo(buffer);
        var length = Begin.Length;
        if (_cursorLength > 0)
        {
            "&cursor="u8.CopyTo(buffer[length..]);
            length += "&cursor=".Length;
            _cursor.AsSpan(0, _cursorLength).CopyTo(buffer[length..]);
            length += _cursorLength;
        }
        Rest.CopyTo(buffer[length..]);
        return length + Rest.Length;
    }

    /// <summary>A page that is not the last ends with "next":"…"}. A cursor is base64url, so nothing in it is escaped.</summary>
    private void KeepCursor(ReadOnlySpan<byte> page)
    {
        var name = page.LastIndexOf("\"next\":\""u8);
        var value = name < 0 ? [] : page[(name + "\"next\":\"".Length)..page.LastIndexOf((byte)'"')];
        _cursorLength = value.Length <= _cursor.Length && Base64Url.IsValid(value) ? value.Length : 0;
        value[.._cursorLength].CopyTo(_cursor);
    }
}
