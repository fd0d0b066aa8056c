using System.Net;

namespace TestCluster;

/// <summary>
/// A server that is a process of this machine. Its address stays for good, while the data folder behind it may become
/// that of a standby or of a copy.
/// </summary>
internal sealed class LocalPostgresServer(string program, string folder, PostgresOptions options)
    : PostgresServer(options.Host, FreePort.Next(IPAddress.Parse(options.Host)))
{
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(30);

    /// <summary>For the one start of a standby at its primary's address: it would connect to itself.</summary>
    private static readonly string[] FollowingNobody = ["-c", "primary_conninfo="];

    private ChildProcess? _process;
    private string _folder = folder;

    public override Task StartAsync() => StartAsync([]);

    public override async Task StopAsync(PostgresShutdown how)
    {
        Running.Signal(how == PostgresShutdown.Fast ? UnixSignal.Interrupt : UnixSignal.Quit);
        await Running.WaitForExitAsync(EndLimit);
    }

    public override Task KillAsync() => Running.KillAsync();

    public override Task PauseAsync(PostgresProcesses which)
    {
        if (which == PostgresProcesses.Postmaster)
            Running.Signal(UnixSignal.Stop);
        else
            Running.Pause();
        if (which == PostgresProcesses.Children)
            Running.Signal(UnixSignal.Continue);
        return Task.CompletedTask;
    }

    public override Task ResumeAsync()
    {
        Running.Resume();
        return Task.CompletedTask;
    }

    public override Task<PostgresStandby> StartStandbyAsync(string name) => PostgresStandby.StartAsync(this, program, options, name);

    public override async Task<DataFolderCopy> TakeCopyAsync()
    {
        MustBeStopped();
        var copy = new DataFolderCopy(TemporaryFolder.NewPath("copy"));
        await CopyFolderAsync(_folder, copy.Folder);
        return copy;
    }

    public override async Task RestoreCopyAsync(DataFolderCopy copy)
    {
        MustBeStopped();
        TemporaryFolder.Remove(_folder);
        await CopyFolderAsync(copy.Folder, _folder);
    }

    /// <summary>Its data folder.</summary>
    internal string Folder => _folder;

    /// <summary>SIGKILL to all its processes, also to those that are stopped and would not notice anything else.</summary>
    internal Task KillAllAsync() => Running.KillTreeAsync();

    /// <summary>
    /// The primary of <paramref name="standby"/>, which is this one, dies, and the standby answers at this address from here on.
    /// What its processes had received and not written yet is lost, as on a machine that takes over after a cut.
    /// </summary>
    /// <remarks>
    /// Steps. 1 the primary is killed, and its last process is gone · 2 so is the standby · 3 its folder becomes this server's, which
    /// starts at this address and follows nobody: its own address is the one that it followed · 4 it is promoted.
    /// </remarks>
    internal async Task GiveWayToAsync(LocalPostgresServer standby)
    {
        if (_process is { HasExited: false })
            await Running.KillAndOutliveChildrenAsync();
        if (standby._process is { HasExited: false })
            await standby.KillAllAsync();
        var old = _folder;
        (_folder, standby._folder) = (standby._folder, old); // the old primary's folder goes when the standby is disposed of
        await StartAsync(FollowingNobody);
        if (!await ScalarAsync<bool>("select pg_promote(true, 60)"))
            throw new InvalidOperationException($"The standby on {Host}:{Port} was not promoted:\n{Running.Output}");
    }

    protected override async Task ReleaseAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Resume(); // a paused backend would not notice that its postmaster is gone
            _process.Signal(UnixSignal.Quit);
            await _process.WaitForExitAsync(EndLimit);
        }
        if (_process is not null)
            await _process.DisposeAsync();
        TemporaryFolder.Remove(_folder);
    }

    private ChildProcess Running => _process ?? throw new InvalidOperationException("The server was never started.");

    private async Task StartAsync(string[] further)
    {
        if (_process is { HasExited: false })
            return;
        _process = ChildProcess.Start(
            program, ["-D", _folder, .. options.ArgumentsFor(Port), .. further], LocalPostgresProvider.User, PostgresOptions.Environment);
        await Eventually.ThatAsync(
            () => _process.HasExited ? Task.FromResult(true) : AnswersAsync(), StartLimit, $"Postgres answers on {Host}:{Port}");
        if (_process.HasExited)
            throw new InvalidOperationException($"Postgres ended with {_process.ExitCode}:\n{_process.Output}");
    }

    private void MustBeStopped()
    {
        if (_process is { HasExited: false })
            throw new InvalidOperationException("A running server's folder cannot be copied; stop it first.");
    }

    private static Task CopyFolderAsync(string from, string to) => ChildProcess.RunAsync("cp", ["-a", from, to], LocalPostgresProvider.User);
}
