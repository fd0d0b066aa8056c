using System.Diagnostics;

namespace EndToEnd.Tests;

/// <summary>Runs lines as a person's shell would.</summary>
internal static class Shell
{
    /// <returns>What they printed.</returns>
    public static async Task<string> RunAsync(string script)
    {
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-euc", script]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        var (output, errors) = (shell.StandardOutput.ReadToEndAsync(), shell.StandardError.ReadToEndAsync());
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == 0, $"{script}\n{await output}{await errors}");
        return await output;
    }
}
