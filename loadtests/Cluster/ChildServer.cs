using System.Diagnostics;
using LoadTests.Http;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>A server that a bench starts itself and stops again.</summary>
internal sealed class ChildServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);

    private readonly Process _process;
    private readonly Task<string> _errors;

    private ChildServer(Process process)
    {
        _process = process;
        _ = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        _errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
    }

    public int ProcessId => _process.Id;

    /// <summary>Starts a .NET program and waits until it answers GET <paramref name="readiness"/> with 200.</summary>
    /// <returns>The server, and how long this took, with an error of about 5 ms.</returns>
    public static async Task<(ChildServer Server, TimeSpan StartToReady)> StartAsync(
        string dll, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?>? environment, Uri readiness, CancellationToken cancellation)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var server = new ChildServer(OtherProgram.Start("dotnet", [dll, .. arguments], environment));
        try
        {
            while (!await IsReadyAsync(readiness))
            {
                if (server._process.HasExited)
                    throw new WrongAnswerException($"{Path.GetFileName(dll)} ended with {server._process.ExitCode}:\n{await server._errors}");
                if (Stopwatch.GetElapsedTime(startedAt) > Patience)
                    throw new WrongAnswerException($"{Path.GetFileName(dll)} is not ready after {Patience.TotalSeconds} s.");
                await Task.Delay(PollInterval, cancellation);
            }
            return (server, Stopwatch.GetElapsedTime(startedAt));
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends SIGTERM, so the server can end cleanly; sends SIGKILL if it does not end.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            using (var terminate = OtherProgram.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)], null))
                await terminate.WaitForExitAsync(CancellationToken.None);
            await Task.WhenAny(_process.WaitForExitAsync(CancellationToken.None), Task.Delay(Patience, CancellationToken.None));
            if (!_process.HasExited)
                _process.Kill();
        }
        _process.Dispose();
    }

    private static async Task<bool> IsReadyAsync(Uri readiness)
    {
        await using var connection = new HttpConnection(readiness);
        try
        {
            await connection.OpenAsync(CancellationToken.None);
            var answer = await connection.ExchangeAsync(System.Text.Encoding.ASCII.GetBytes($"GET {readiness.AbsolutePath} HTTP/1.1\r\nHost: bench\r\n\r\n", connection.Request));
            return answer.Status == 200;
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or WrongAnswerException)
        {
            return false;
        }
    }
}
