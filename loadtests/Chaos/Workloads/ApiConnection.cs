using System.Buffers.Text;
using System.Net.Sockets;
using System.Text;
using Workbench;

namespace Chaos.Workloads;

/// <summary>
/// One keep-alive connection with one request at a time, which never repeats a request. HttpClient repeats a request by itself if a pooled
/// connection turns out to be closed; then its caller does not know how often the request was sent.
/// </summary>
internal sealed class ApiConnection(Uri server) : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _received = new byte[4096];

    public Uri Server => server;

    /// <summary>Whether the server keeps it open for another request.</summary>
    public bool IsReusable { get; private set; }

    /// <exception cref="SocketException">Nothing was sent.</exception>
    public async Task OpenAsync(CancellationToken limit) => await _socket.ConnectAsync(server.Host, server.Port, limit);

    /// <exception cref="Exception">The request may have arrived.</exception>
    public async Task<(int Status, long? ETag, byte[] Body)> ExchangeAsync(ReadOnlyMemory<byte> request, CancellationToken limit)
    {
        IsReusable = false;
        for (var rest = request; rest.Length > 0;)
            rest = rest[await _socket.SendAsync(rest, SocketFlags.None, limit)..];
        var parser = new AnswerParser();
        for (var length = 0; ;)
        {
            if (length == _received.Length)
                Array.Resize(ref _received, _received.Length * 2);
            var count = await _socket.ReceiveAsync(_received.AsMemory(length), SocketFlags.None, limit);
            if (count == 0)
                throw new WrongAnswerException($"closed after {length} bytes of an answer");
            length += count;
            if (!parser.TryComplete(_received.AsSpan(0, length)))
                continue;
            IsReusable = parser.KeepsConnection;
            return (parser.Status, ETagOf(_received.AsSpan(..parser.Body.Start.Value)), _received[parser.Body]);
        }
    }

    public void Dispose() => _socket.Dispose();

    private static long? ETagOf(ReadOnlySpan<byte> head)
    {
        while (head.IndexOf("\r\n"u8) is var end and >= 0)
        {
            var line = head[..end];
            head = head[(end + 2)..];
            if (line.Length > 5 && Ascii.EqualsIgnoreCase(line[..5], "etag:"u8))
                return Utf8Parser.TryParse(line[5..].Trim(" \""u8), out long version, out _) ? version : null;
        }
        return null;
    }
}
