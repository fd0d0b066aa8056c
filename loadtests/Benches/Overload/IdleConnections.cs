using System.Net.Sockets;
using System.Text;

namespace LoadTests.Benches.Overload;

/// <summary>Connections that do nothing, or send a request a byte at a time. They are opened again when the server closes them.</summary>
internal sealed class IdleConnections : IAsyncDisposable
{
    private static readonly TimeSpan BytePause = TimeSpan.FromMilliseconds(200);

    private static readonly byte[] SlowRequest = Encoding.ASCII.GetBytes(
        "PUT /v1/collections/bench/items/slow/slow HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{\"a\": \""
        + new string('x', 1000));

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tasks = [];
    private readonly List<Socket> _idle = [];
    private int _open;

    /// <summary>How many stand now.</summary>
    public int Open => Volatile.Read(ref _open) + _idle.Count(socket => socket.Connected);

    public static async Task<IdleConnections> OpenAsync(Uri server, int idle, int slow, CancellationToken cancellation)
    {
        var all = new IdleConnections();
        for (var i = 0; i < idle; i++)
            all._idle.Add(await ConnectAsync(server, cancellation));
        for (var i = 0; i < slow; i++)
            all._tasks.Add(all.SendSlowlyAsync(server));
        return all;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_tasks);
        foreach (var socket in _idle)
            socket.Dispose();
        _stop.Dispose();
    }

    private async Task SendSlowlyAsync(Uri server)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var socket = await ConnectAsync(server, _stop.Token);
                Interlocked.Increment(ref _open);
                try
                {
                    for (var at = 0; at < SlowRequest.Length; at++)
                    {
                        await socket.SendAsync(SlowRequest.AsMemory(at, 1), SocketFlags.None, _stop.Token);
                        await Task.Delay(BytePause, _stop.Token);
                    }
                }
                finally
                {
                    Interlocked.Decrement(ref _open);
                }
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // the server cut it off, as it should; or the bench is over
            }
        }
    }

    private static async Task<Socket> ConnectAsync(Uri server, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server.Host, server.Port, cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
