using System.Diagnostics;
using System.Globalization;
using Workbench;

namespace TestCluster;

/// <summary>
/// A program that dies with this test process, however that ends: <c>setpriv --pdeathsig KILL</c> stands in front of it
/// and becomes it by exec, so the process id is the program's own. Keeps the last lines that it wrote, for messages.
/// </summary>
public sealed class ChildProcess : IAsyncDisposable
{
    private const int KeptLines = 200;

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly Queue<string> _output = new();
    private volatile bool _keepsAll;

    private ChildProcess(Process process, string name)
    {
        _process = process;
        Name = name;
        Id = process.Id;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Name { get; }

    public int Id { get; }

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>From now on every line is kept.</summary>
    public void KeepAll() => _keepsAll = true;

    /// <summary>The last lines of standard output and error, in the order of their arrival.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return string.Join('\n', _output);
        }
    }

    /// <param name="asUser">Runs as this user when we are root (Postgres refuses to run as root); else as ourselves.</param>
    public static ChildProcess Start(
        string program, IEnumerable<string> arguments, string? asUser = null, IReadOnlyDictionary<string, string?>? environment = null,
        string? workingFolder = null)
    {
        var start = new ProcessStartInfo
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
            WorkingDirectory = workingFolder ?? "/",
        };
        string[] command = [.. Prefix(asUser), program, .. arguments];
        start.FileName = command[0];
        foreach (var argument in command.Skip(1))
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>(StringComparer.Ordinal))
            start.Environment[name] = value;
        return new ChildProcess(SpawnerThread.Start(start), Path.GetFileName(program));
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has its output.</exception>
    public static async Task RunAsync(string program, IEnumerable<string> arguments, string? asUser = null)
    {
        await using var process = Start(program, arguments, asUser);
        await process.WaitForExitAsync(TimeSpan.FromMinutes(1));
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{process.Name} ended with {process.ExitCode}:\n{process.Output}");
    }

    public void Signal(UnixSignal signal) => signal.SendTo(Id);

    /// <summary>SIGSTOP to the process and all its descendants: a server that hangs, with its connections open.</summary>
    public void Pause() => SignalTree(UnixSignal.Stop);

    /// <summary>SIGCONT to the process and all its descendants.</summary>
    public void Resume() => SignalTree(UnixSignal.Continue);

    /// <exception cref="TimeoutException">It still runs after <paramref name="limit"/>.</exception>
    public async Task WaitForExitAsync(TimeSpan limit)
    {
        using var timer = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(timer.Token);
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"{Name} (pid {Id}) still runs after {limit}:\n{Output}", e);
        }
    }

    /// <summary>SIGKILL, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await WaitForExitAsync(EndLimit);
    }

    /// <summary>SIGKILL, and waits until it and its children are gone. The children end by themselves when they notice.</summary>
    public async Task KillAndOutliveChildrenAsync()
    {
        Signal(UnixSignal.Stop); // it makes no more children from here on
        var children = ProcessTree.ChildrenOf(Id);
        await KillAsync();
        await AllGoneAsync(children);
    }

    /// <summary>SIGKILL to the process and all its descendants, stopped ones included, and waits until they are gone.</summary>
    public async Task KillTreeAsync()
    {
        var all = SignalTree(UnixSignal.Stop);
        foreach (var each in all)
            UnixSignal.Kill.SendTo(each);
        await WaitForExitAsync(EndLimit);
        await AllGoneAsync(all);
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    /// <returns>The processes that got the signal.</returns>
    private List<int> SignalTree(UnixSignal signal)
    {
        var signalled = new List<int>();
        var pending = new Queue<int>([Id]); // parents first: a stopped one makes no more children
        while (pending.TryDequeue(out var pid))
        {
            signal.SendTo(pid);
            signalled.Add(pid);
            foreach (var child in ProcessTree.ChildrenOf(pid))
                pending.Enqueue(child);
        }
        return signalled;
    }

    private Task AllGoneAsync(IReadOnlyList<int> processes) => Eventually.ThatAsync(
        () => processes.All(ProcessTree.IsGone), EndLimit, $"all processes of {Name} (pid {Id.ToString(CultureInfo.InvariantCulture)}) are gone");

    /// <summary>A shell that starts tests in the background has them ignore SIGINT, and what they start would too.</summary>
    public static IReadOnlyList<string> HeedingInterrupts => ["env", "--default-signal=INT"];

    private static string[] Prefix(string? asUser)
    {
        var asOther = asUser is not null && Environment.IsPrivilegedProcess;
        if (RequiredProgram.TryFind("setpriv") is not { } setpriv)
            return asOther ? throw new InvalidOperationException($"setpriv (util-linux) is needed to run as {asUser}.") : [];
        return asOther
            ? [.. HeedingInterrupts, setpriv, $"--reuid={asUser}", $"--regid={asUser}", "--init-groups", "--pdeathsig", "KILL", "--"]
            : [.. HeedingInterrupts, setpriv, "--pdeathsig", "KILL", "--"];
    }

    private void Keep(string? line)
    {
        if (line is null)
            return;
        lock (_output)
        {
            _output.Enqueue(line);
            if (_output.Count > KeptLines && !_keepsAll)
                _output.Dequeue();
        }
    }
}
