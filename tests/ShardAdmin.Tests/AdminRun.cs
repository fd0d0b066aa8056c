using System.Text.Json;
using ShardAdmin.Failures;
using ShardAdmin.Settings;

namespace ShardAdmin.Tests;

/// <summary>What one run of the command line answered.</summary>
internal sealed record AdminRun(ExitCode Exit, string Out, string Error)
{
    /// <summary>No command of a test takes as long. One that waits for something that the test would do next has to end the test.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    public JsonElement Json => JsonDocument.Parse(Out).RootElement;

    public static async Task<AdminRun> OfAsync(
        IReadOnlyDictionary<string, string> environment, IEnumerable<string> arguments, string input = "", CancellationToken interrupt = default)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var typed = new StringReader(input);
        var process = new AdminProcess(output, error, typed, environment.GetValueOrDefault, InIsTerminal: input.Length > 0);
        string[] line = [.. arguments];
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        limit.CancelAfter(Limit);
        var exit = await ShardAdminApp.RunAsync(line, process, limit.Token);
        Assert.False(limit.IsCancellationRequested && !interrupt.IsCancellationRequested, $"shardadmin {string.Join(' ', line)} did not end.\n{output}\n{error}");
        return new AdminRun((ExitCode)exit, output.ToString(), error.ToString());
    }

    /// <summary>The message tells all three: what is wrong, what was left untouched, what to type next.</summary>
    public AdminRun Fails(ExitCode exit, params string[] mentioning)
    {
        Assert.True(exit == Exit, $"Expected exit {exit}, got {Exit}.\n{Out}\n{Error}");
        Assert.Contains("error: ", Error, StringComparison.Ordinal);
        Assert.Contains("next: ", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ShardAdmin", Error, StringComparison.Ordinal);
        foreach (var text in mentioning)
            Assert.Contains(text, Error, StringComparison.Ordinal);
        return this;
    }

    /// <summary>What looks and finds something wrong says so in its result, not as an error.</summary>
    public AdminRun Exits(ExitCode exit, params string[] mentioning)
    {
        Assert.True(exit == Exit, $"Expected exit {exit}, got {Exit}.\n{Out}\n{Error}");
        foreach (var text in mentioning)
            Assert.Contains(text, Out, StringComparison.Ordinal);
        return this;
    }

    public AdminRun Succeeds(params string[] mentioning)
    {
        Assert.True(Exit == ExitCode.Done, $"Expected exit 0, got {Exit}.\n{Out}\n{Error}");
        foreach (var text in mentioning)
            Assert.Contains(text, Out, StringComparison.Ordinal);
        return this;
    }
}
