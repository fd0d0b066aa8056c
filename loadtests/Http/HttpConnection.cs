using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Workbench;

namespace LoadTests.Http;

/// <summary>
/// One keep-alive connection with one request at a time (no pipelining). Programs should normally use HttpClient. But its pool, header
/// collections, streams and tasks need about as much CPU for a request as the router, and here client and router share two cores. This
/// class allocates nothing for a request.
/// </summary>
/// <param name="requestBytes">The size of the largest request.</param>
internal sealed class HttpConnection(Uri server, int requestBytes = HttpConnection.SmallRequest) : IAsyncDisposable
{
    public const int SmallRequest = 2048;

    private const int MaxAnswerBytes = 8 * 1024 * 1024;

    private byte[] _received = new byte[4096];
    private Socket? _socket;
    private SslStream? _tls; // null: the server's address begins with http

    /// <summary>The buffer into which the caller writes the request.</summary>
    public byte[] Request { get; } = new byte[requestBytes];

    public async ValueTask OpenAsync(CancellationToken cancellation)
    {
        _socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await _socket.ConnectAsync(server.Host, server.Port, cancellation);
        if (server.Scheme == Uri.UriSchemeHttps)
            await BeginTlsAsync(_socket, cancellation);
    }

    /// <summary>Any certificate is taken: what is measured stands on this machine, and tests hold that strangers are refused.</summary>
    private async Task BeginTlsAsync(Socket socket, CancellationToken cancellation)
    {
        _tls = new SslStream(new NetworkStream(socket, ownsSocket: false));
        await _tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = server.Host,
#pragma warning disable CA5359 // see above
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
            },
            cancellation);
    }

    /// <summary>Sends the first bytes of <see cref="Request"/> and waits for the answer.</summary>
    /// <exception cref="WrongAnswerException">There was no answer, or it cannot be read.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<HttpAnswer> ExchangeAsync(int requestLength)
    {
        try
        {
            if (_socket is null)
                await OpenAsync(CancellationToken.None);
            if (_tls is not null)
                await _tls.WriteAsync(Request.AsMemory(0, requestLength));
            else
                for (var sent = 0; sent < requestLength;)
                    sent += await _socket!.SendAsync(Request.AsMemory(sent..requestLength), SocketFlags.None);
            return await ReceiveAsync();
        }
        catch (SocketException e)
        {
            Close();
            throw new WrongAnswerException($"{server} broke the connection off: {e.Message}", e, $"connection: {e.SocketErrorCode}");
        }
        catch (IOException e)
        {
            Close();
            throw new WrongAnswerException($"{server} broke the TLS connection off: {e.Message}", e, "connection: TLS");
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
            var count = _tls is not null
                ? await _tls.ReadAsync(_received.AsMemory(length))
                : await _socket!.ReceiveAsync(_received.AsMemory(length), SocketFlags.None);
            if (count == 0)
            {
                Close();
                throw new WrongAnswerException($"{server} closed the connection after {length} bytes of an answer.", kind: length == 0 ? "connection closed without an answer" : "connection closed within an answer");
            }
            length += count;
            if (!parser.TryComplete(_received.AsSpan(0, length)))
                continue;
            if (!parser.KeepsConnection)
                Close(); // the next exchange opens another connection
            return new HttpAnswer(parser.Status, _received.AsMemory(parser.Body));
        }
    }

    private void Grow()
    {
        if (_received.Length >= MaxAnswerBytes)
            throw new WrongAnswerException($"An answer has more than {MaxAnswerBytes} bytes.");
        Array.Resize(ref _received, _received.Length * 2);
    }

    /// <summary>Closes the connection; the next exchange opens another one. The last answer stays readable.</summary>
    public void Close()
    {
        _tls?.Dispose();
        _socket?.Dispose();
        (_tls, _socket) = (null, null);
    }

    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }
}
