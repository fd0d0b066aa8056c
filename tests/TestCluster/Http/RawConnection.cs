using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace TestCluster;

/// <summary>HTTP/1.1 byte by byte over one socket, for what no client library would send.</summary>
public sealed class RawConnection : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly TcpClient _client = new() { NoDelay = true };

    private RawConnection()
    {
    }

    public static async Task<RawConnection> OpenAsync(Uri address)
    {
        var connection = new RawConnection();
        await connection._client.ConnectAsync(address.Host, address.Port);
        return connection;
    }

    /// <summary>Sends one request, written with <c>\n</c> at the ends of its head's lines, and reads the answer.</summary>
    public static async Task<ApiReply> ExchangeAsync(Uri address, string head, string body = "")
    {
        using var connection = await OpenAsync(address);
        await connection.SendAsync(head.ReplaceLineEndings("\r\n") + "\r\n\r\n" + body);
        return await connection.ReadAsync() ?? throw new InvalidOperationException("The connection was closed without an answer.");
    }

    /// <summary>Bytes by Latin-1: each character below 256 is one byte.</summary>
    public async Task SendAsync(string bytes)
    {
        using var timer = new CancellationTokenSource(Limit);
        await _client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(bytes), timer.Token);
    }

    /// <summary>Closes without a farewell: the other side sees a reset.</summary>
    public void Reset()
    {
        _client.LingerState = new LingerOption(enable: true, seconds: 0);
        _client.Close();
    }

    /// <returns>The next answer, or null when the connection was closed or reset instead.</returns>
    public async Task<ApiReply?> ReadAsync()
    {
        using var timer = new CancellationTokenSource(Limit);
        var clock = Stopwatch.StartNew();
        try
        {
            if (await ReadLineAsync(timer.Token) is not { } status)
                return null;
            var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while (await ReadLineAsync(timer.Token) is { Length: > 0 } line)
                headers[line[..line.IndexOf(':', StringComparison.Ordinal)]] = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
            return new ApiReply(int.Parse(status.Split(' ')[1], CultureInfo.InvariantCulture), headers, await ReadBodyAsync(headers, timer.Token), clock.Elapsed);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<byte[]> ReadBodyAsync(Dictionary<string, string> headers, CancellationToken cancellation)
    {
        var body = new MemoryStream();
        if (headers.TryGetValue("Content-Length", out var length))
        {
            await CopyAsync(body, int.Parse(length, CultureInfo.InvariantCulture), cancellation);
        }
        else if (headers.TryGetValue("Transfer-Encoding", out var coding) && coding == "chunked")
        {
            while (int.Parse((await ReadLineAsync(cancellation))!, NumberStyles.HexNumber, CultureInfo.InvariantCulture) is var size && size > 0)
            {
                await CopyAsync(body, size, cancellation);
                await ReadLineAsync(cancellation);
            }
            await ReadLineAsync(cancellation);
        }
        return body.ToArray();
    }

    private async Task CopyAsync(MemoryStream target, int count, CancellationToken cancellation)
    {
        var bytes = new byte[count];
        await _client.GetStream().ReadExactlyAsync(bytes, cancellation);
        target.Write(bytes);
    }

    private async Task<string?> ReadLineAsync(CancellationToken cancellation)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await _client.GetStream().ReadAsync(one, cancellation) == 1)
        {
            if (one[0] == '\n')
                return line.ToString();
            if (one[0] != '\r')
                line.Append((char)one[0]);
        }
        return line.Length > 0 ? line.ToString() : null;
    }
}
