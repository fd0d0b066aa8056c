using System.Diagnostics;

namespace Workbench;

/// <summary>Runs other programs and waits for their end.</summary>
internal static class OtherProgram
{
    /// <returns>Its standard output and standard error.</returns>
    /// <exception cref="WrongAnswerException">It failed; the message has its output.</exception>
    public static async Task<string> RunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment, CancellationToken cancellation)
    {
        using var process = Start(program, arguments, environment);
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            var text = await output + await errors;
            await process.WaitForExitAsync(cancellation);
            return process.ExitCode == 0
                ? text
                : throw new WrongAnswerException($"{Path.GetFileName(program)} ended with {process.ExitCode}:\n{text}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Starts a program; the caller reads its output.</summary>
    public static Process Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        SocketThread.RemoveFrom(start.Environment);
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>(StringComparer.Ordinal))
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
