namespace ShardAdmin.Settings;

/// <summary>The process around the command line, as values: tests run commands within their own process.</summary>
/// <param name="Variable">Reads an environment variable.</param>
internal sealed record AdminProcess(
    TextWriter Out, TextWriter Error, TextReader In, Func<string, string?> Variable,
    bool OutIsTerminal = false, bool ErrorIsTerminal = false, bool InIsTerminal = false)
{
    public static AdminProcess Current { get; } = new(
        Console.Out, Console.Error, Console.In, Environment.GetEnvironmentVariable,
        !Console.IsOutputRedirected, !Console.IsErrorRedirected, !Console.IsInputRedirected);
}
