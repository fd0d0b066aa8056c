using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace TestCluster;

/// <summary>Stands between clients and a server and passes on what both send, until it is told to keep the server's answers to itself.</summary>
public sealed class TcpRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, bool> _open = [];
    private readonly string _host;
    private readonly int _port;
    private readonly Task _accepting;
    private volatile bool _swallows;

    public TcpRelay(string host, int port)
    {
        (_host, _port) = (host, port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>On 127.0.0.1.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>From now on no answer arrives; what clients send still does.</summary>
    public void SwallowAnswers() => _swallows = true;

    /// <summary>Closes all connections, as a broken line does, and passes everything on for those that are made next.</summary>
    public void CutAndMend()
    {
        foreach (var end in _open.Keys)
            end.Dispose();
        _swallows = false;
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        CutAndMend();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task AcceptAsync()
    {
        while (true)
            _ = RelayAsync(await _listener.AcceptTcpClientAsync());
    }

    private async Task RelayAsync(TcpClient client)
    {
        using var server = new TcpClient { NoDelay = true };
        using (client)
        {
            client.NoDelay = true;
            _open[client] = _open[server] = true;
            try
            {
                await server.ConnectAsync(_host, _port);
                await Task.WhenAny(PassAsync(client, server, isAnswer: false), PassAsync(server, client, isAnswer: true));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // the server does not run, or the line was cut meanwhile; closing tells the client
            }
            _open.TryRemove(client, out _);
            _open.TryRemove(server, out _);
        }
    }

    /// <summary>Ends when either side closes.</summary>
    private async Task PassAsync(TcpClient from, TcpClient to, bool isAnswer)
    {
        try
        {
            var (source, target) = (from.GetStream(), to.GetStream());
            var buffer = new byte[65536];
            for (var read = 1; read > 0;)
            {
                read = await source.ReadAsync(buffer);
                if (!isAnswer || !_swallows)
                    await target.WriteAsync(buffer.AsMemory(0, read));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // closed
        }
    }
}
