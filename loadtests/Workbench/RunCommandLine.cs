using System.CommandLine;
using System.Globalization;

namespace Workbench;

/// <summary>What the command lines of the programs here have in common.</summary>
internal static class RunCommandLine
{
    private const int Misused = 2;

    /// <summary>How long a run takes: <c>--minutes</c>.</summary>
    public static Option<double> Minutes(string description)
    {
        var minutes = new Option<double>("--minutes") { Description = description, DefaultValueFactory = _ => 2 };
        minutes.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var value)
                && value is <= 0 or > 1440)
                result.AddError("--minutes takes a number above 0, at most 1440.");
        });
        return minutes;
    }

    /// <summary>The number that repeats an earlier run: <c>--seed</c>.</summary>
    public static Option<int> Seed(string description) => new("--seed")
    {
        Description = description,
        DefaultValueFactory = _ => Random.Shared.Next(1_000_000),
    };

    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(this ParseResult result, CancellationToken interrupt)
    {
        // Signals are for Interruptible, and exceptions for the command itself: the library leaves both alone.
        var code = await result.InvokeAsync(
            new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false }, interrupt);
        return result.Errors.Count > 0 ? Misused : code;
    }
}
