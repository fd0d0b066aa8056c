using System.Net;

namespace TestCluster;

internal sealed class LocalPostgresServer(string program, string folder, PostgresOptions options)
    : PostgresServer(options.Host, FreePort.Next(IPAddress.Parse(options.Host)))
{
    private ChildProcess? _process;

    public override async Task StartAsync()
    {
        if (_process is { HasExited: false })
            return;
        _process = ChildProcess.Start(program, ["-D", folder, .. options.ArgumentsFor(Port)], LocalPostgresProvider.User);
        await Eventually.ThatAsync(
            () => _process.HasExited ? Task.FromResult(true) : AnswersAsync(), StartLimit, $"Postgres answers on {Host}:{Port}");
        if (_process.HasExited)
            throw new InvalidOperationException($"Postgres ended with {_process.ExitCode}:\n{_process.Output}");
    }

    public override async Task StopAsync(PostgresShutdown how)
    {
        Running.Signal(how == PostgresShutdown.Fast ? UnixSignal.Interrupt : UnixSignal.Quit);
        await Running.WaitForExitAsync(TimeSpan.FromSeconds(30));
    }

    public override Task KillAsync() => Running.KillAsync();

    public override Task PauseAsync()
    {
        Running.Pause();
        return Task.CompletedTask;
    }

    public override Task ResumeAsync()
    {
        Running.Resume();
        return Task.CompletedTask;
    }

    protected override async Task ReleaseAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Resume(); // a paused backend would not notice that its postmaster is gone
            _process.Signal(UnixSignal.Quit);
            await _process.WaitForExitAsync(TimeSpan.FromSeconds(30));
        }
        if (_process is not null)
            await _process.DisposeAsync();
        TemporaryFolder.Remove(folder);
    }

    private ChildProcess Running => _process ?? throw new InvalidOperationException("The server was never started.");
}
