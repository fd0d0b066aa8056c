using System.Net.Sockets;
using System.Runtime.CompilerServices;
using LoadTests.Engine;

namespace LoadTests.Http;

/// <summary>
/// One keep-alive connection that carries one request at a time (no pipelining). HttpClient is what a program should
/// use; here its pool, header collections, streams and tasks cost about as much CPU for a request as the router does,
/// and client and router share two cores. This allocates nothing for a request.
/// </summary>
/// <param name="requestBytes">Of the largest request.</param>
internal sealed class HttpConnection(Uri server, int requestBytes = HttpConnection.SmallRequest) : IAsyncDisposable
{
    public const int SmallRequest = 2048;

    private const int MaxAnswerBytes = 8 * 1024 * 1024;

    private byte[] _received = new byte[4096];
    private Socket? _socket;

    /// <summary>Where the caller writes the request.</summary>
    public byte[] Request { get; } = new byte[requestBytes];

    public async ValueTask OpenAsync(CancellationToken cancellation)
    {
        _socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await _socket.ConnectAsync(server.Host, server.Port, cancellation);
    }

    /// <summary>Sends the first bytes of <see cref="Request"/> and waits for the answer.</summary>
    /// <exception cref="WrongAnswerException">No answer, or one that cannot be read.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<HttpAnswer> ExchangeAsync(int requestLength)
    {
        try
        {
            if (_socket is null)
                await OpenAsync(CancellationToken.None);
            for (var sent = 0; sent < requestLength;)
                sent += await _socket!.SendAsync(Request.AsMemory(sent..requestLength), SocketFlags.None);
            return await ReceiveAsync();
        }
        catch (SocketException e)
        {
            Close();
            throw new WrongAnswerException($"{server} broke the connection off: {e.Message}", e, $"connection: {e.SocketErrorCode}");
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<HttpAnswer> ReceiveAsync()
    {
        var parser = new AnswerParser();
        for (var length = 0; ;)
        {
            if (length == _received.Length)
                Grow();
            var count = await _socket!.ReceiveAsync(_received.AsMemory(length), SocketFlags.None);
            if (count == 0)
            {
                Close();
                throw new WrongAnswerException($"{server} closed the connection after {length} bytes of an answer.", kind: length == 0 ? "connection closed without an answer" : "connection closed within an answer");
            }
            length += count;
            if (!parser.TryComplete(_received.AsSpan(0, length)))
                continue;
            if (!parser.KeepsConnection)
                Close(); // the next exchange opens another
            return new HttpAnswer(parser.Status, _received.AsMemory(parser.Body));
        }
    }

    private void Grow()
    {
        if (_received.Length >= MaxAnswerBytes)
            throw new WrongAnswerException($"An answer has more than {MaxAnswerBytes} bytes.");
        Array.Resize(ref _received, _received.Length * 2);
    }

    /// <summary>The next exchange opens another connection. The last answer stays readable.</summary>
    public void Close()
    {
        _socket?.Dispose();
        _socket = null;
    }

    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }
}
