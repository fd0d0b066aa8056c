using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TestCluster;

/// <summary>Stands between clients and a server and passes on what both send, until it is told to keep some of it to itself.</summary>
public sealed class TcpRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Line, bool> _open = [];
    private readonly string _host;
    private readonly int _port;
    private readonly Task _accepting;
    private volatile bool _swallows;
    private volatile bool _isSilent;

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

    /// <summary>Half open: all lines, those made from now on too, look established, and nothing passes on them, either way.</summary>
    public void FallSilent()
    {
        _isSilent = true;
        foreach (var line in _open.Keys)
            line.IsSilent = true;
    }

    /// <summary>Half open, but only the lines on which this passed from client to server at some time; those made from now on work.</summary>
    /// <returns>How many.</returns>
    public int SilenceLinesThatSent(string text)
    {
        var found = _open.Keys.Where(line => line.HasSent(text)).ToArray();
        foreach (var line in found)
            line.IsSilent = true;
        return found.Length;
    }

    /// <summary>Lines made from now on work. Those from before stay as they are: the other end knows them no more and cannot say so.</summary>
    public void MendForNewLines() => _isSilent = false;

    /// <summary>Ends all lines on which nothing has passed for so long, with a last answer to the client.</summary>
    /// <returns>How many.</returns>
    public async Task<int> EndQuietAsync(TimeSpan quiet, byte[] lastAnswer)
    {
        var ended = 0;
        foreach (var line in _open.Keys.Where(line => line.QuietFor >= quiet))
        {
            _open.TryRemove(line, out _);
            line.IsSilent = true; // what the client still sends reaches nobody
            await line.Client.GetStream().WriteAsync(lastAnswer);
            line.Client.Client.Shutdown(SocketShutdown.Send);
            ended++;
        }
        return ended;
    }

    /// <summary>Closes all connections, as a broken line does, and passes everything on for those that are made next.</summary>
    public void CutAndMend()
    {
        foreach (var line in _open.Keys)
            line.Dispose();
        _swallows = _isSilent = false;
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
        using var line = new Line(client) { IsSilent = _isSilent };
        _open[line] = true;
        try
        {
            await line.Server.ConnectAsync(_host, _port);
            await Task.WhenAny(PassAsync(line, isAnswer: false), PassAsync(line, isAnswer: true));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // the server does not run, or the line was cut meanwhile; closing tells the client
        }
        _open.TryRemove(line, out _);
    }

    /// <summary>Ends when either side closes.</summary>
    private async Task PassAsync(Line line, bool isAnswer)
    {
        try
        {
            var (source, target) = isAnswer ? (line.Server.GetStream(), line.Client.GetStream()) : (line.Client.GetStream(), line.Server.GetStream());
            var buffer = new byte[65536];
            for (var read = 1; read > 0;)
            {
                read = await source.ReadAsync(buffer);
                line.IsUsed();
                if (!isAnswer)
                    line.Remember(buffer.AsSpan(0, read));
                if (!line.IsSilent && !(isAnswer && _swallows))
                    await target.WriteAsync(buffer.AsMemory(0, read));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // closed
        }
    }

    private sealed class Line : IDisposable
    {
        private const int RememberedBytes = 64 * 1024;

        private readonly StringBuilder _sent = new();
        private volatile bool _isSilent;
        private long _usedAt = Environment.TickCount64;

        public Line(TcpClient client)
        {
            Client = client;
            Client.NoDelay = true;
        }

        public TcpClient Client { get; }

        public TcpClient Server { get; } = new() { NoDelay = true };

        public TimeSpan QuietFor => TimeSpan.FromMilliseconds(Environment.TickCount64 - Interlocked.Read(ref _usedAt));

        public void IsUsed() => Interlocked.Exchange(ref _usedAt, Environment.TickCount64);

        public void Remember(ReadOnlySpan<byte> sent)
        {
            lock (_sent)
                if (_sent.Length < RememberedBytes)
                    _sent.Append(Encoding.Latin1.GetString(sent));
        }

        public bool HasSent(string text)
        {
            lock (_sent)
                return _sent.ToString().Contains(text, StringComparison.OrdinalIgnoreCase);
        }

        public bool IsSilent
        {
            get => _isSilent;
            set => _isSilent = value;
        }

        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
        }
    }
}
