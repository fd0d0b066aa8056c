using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace TestCluster;

/// <summary>One real Redis process. The port stays the same over restarts.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(15);

    private readonly string _program;
    private readonly string _folder;
    private readonly bool _persistent;
    private ChildProcess? _process;

    private RedisServer(string program, string host, bool persistent)
    {
        _program = program;
        _persistent = persistent;
        _folder = TemporaryFolder.NewPath("redis");
        Host = host;
        Port = FreePort.Next(IPAddress.Parse(host));
        Directory.CreateDirectory(_folder);
    }

    public string Host { get; }

    public int Port { get; }

    /// <summary>host:port</summary>
    public string Endpoint => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    /// <param name="persistent">Keeps an append-only file, so that a restart keeps the data; else a restart is a flush.</param>
    public static async Task<RedisServer> StartNewAsync(bool persistent = true, string host = "127.0.0.1")
    {
        var server = new RedisServer(RequiredProgram.Find("redis-server", "Redis 7 (Debian: apt install redis-server)"), host, persistent);
        await server.StartAsync();
        return server;
    }

    /// <summary>Starts it again after <see cref="StopAsync"/> or <see cref="KillAsync"/> and waits until it answers.</summary>
    public async Task StartAsync()
    {
        if (_process is { HasExited: false })
            return;
        var port = Port.ToString(CultureInfo.InvariantCulture);
        _process = ChildProcess.Start(
            _program,
            ["--port", port, "--bind", Host, "--dir", _folder, "--save", "", "--appendonly", _persistent ? "yes" : "no", "--appendfsync", "always"]);
        await Eventually.ThatAsync(
            async () => _process.HasExited || await SendAsync("PING") == "+PONG", StartLimit, $"Redis answers on {Endpoint}");
        if (_process.HasExited)
            throw new InvalidOperationException($"Redis ended with {_process.ExitCode}:\n{_process.Output}");
    }

    public async Task StopAsync()
    {
        Running.Signal(UnixSignal.Terminate);
        await Running.WaitForExitAsync(TimeSpan.FromSeconds(15));
    }

    public Task KillAsync() => Running.KillAsync();

    /// <summary>SIGSTOP: connections stay open and nothing answers.</summary>
    public void Pause() => Running.Pause();

    public void Resume() => Running.Resume();

    /// <summary>Everything in it is gone.</summary>
    public async Task FlushAsync()
    {
        if (await SendAsync("FLUSHALL") is var answer && answer != "+OK")
            throw new InvalidOperationException($"FLUSHALL answered '{answer}'.");
    }

    /// <summary>How often clients have called a command since the server started.</summary>
    /// <param name="command">In lower case.</param>
    public async Task<long> CallsAsync(string command)
    {
        var statistics = await ReadToEndAsync("INFO commandstats");
        var found = Regex.Match(statistics, $"^cmdstat_{Regex.Escape(command)}:calls=(?<calls>[0-9]+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
        return found.Success ? long.Parse(found.Groups["calls"].Value, CultureInfo.InvariantCulture) : 0;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        TemporaryFolder.Remove(_folder);
    }

    private ChildProcess Running => _process ?? throw new InvalidOperationException("The server was never started.");

    /// <summary>One inline command, independent of any client library; its first line of answer.</summary>
    private async Task<string?> SendAsync(string command) => await AskAsync(command, reader => reader.ReadLineAsync());

    private Task<string> ReadToEndAsync(string command) => AskAsync(command + "\r\nQUIT", reader => reader.ReadToEndAsync());

    private async Task<T> AskAsync<T>(string command, Func<StreamReader, Task<T>> read)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Parse(Host), Port, limit.Token);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), limit.Token);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return await read(reader).WaitAsync(limit.Token);
    }
}
