using System.Diagnostics;
using System.Text;
using Workbench;

namespace Chaos.Cluster;

/// <summary>A running shardadmin that can be stopped, continued and killed. Its output also goes to a separate log.</summary>
internal sealed class AdminProcess : IDisposable
{
    private readonly Process _process;
    private readonly string _command;
    private readonly string _log;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();

    /// <param name="log">The file for its output.</param>
    public AdminProcess(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?> environment, string log)
    {
        (_command, _log) = (string.Join(' ', arguments), log);
        _process = OtherProgram.Start("dotnet", [program, .. arguments], environment);
        _process.StandardInput.Close();
        _process.OutputDataReceived += (_, line) => Keep(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(_errors, line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int ProcessId => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Whether it was stopped with SIGSTOP and not continued yet.</summary>
    public bool IsStopped => ProcessTree.IsStopped(_process.Id);

    /// <summary>Its output so far.</summary>
    public string Written
    {
        get
        {
            lock (_output)
                return _output.ToString() + _errors;
        }
    }

    public void Kill() => ProcessTree.KillOne(_process.Id);

    public void Stop() => ProcessTree.StopAll(_process.Id);

    public void Continue() => ProcessTree.ContinueAll(_process.Id);

    public async Task<AdminResult> WaitAsync(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation);
        lock (_output)
        {
            var result = new AdminResult(_command, _process.ExitCode, _output.ToString(), _errors.ToString());
            File.AppendAllText(_log, $"{DateTimeOffset.UtcNow:HH:mm:ss.fff} {result}\n\n");
            return result;
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    private void Keep(StringBuilder text, string? line)
    {
        lock (_output)
            if (line is not null)
                text.AppendLine(line);
    }
}
