using ShardAdmin.Output;

namespace ShardAdmin.CommandLine;

/// <summary>What the global options and the environment came to.</summary>
/// <param name="NoInput">Asking is not allowed, or nobody is there to answer.</param>
/// <param name="Timeout">Null: as long as it takes.</param>
/// <param name="Seeds">SHARDING_SEEDS as it stands there: host:port/db or host:port,host:port/db, separated by commas.</param>
internal sealed record AdminSettings(
    string Redis, string Cluster, OutputFormat Format, bool Quiet, bool Verbose, bool NoColor, bool NoInput, TimeSpan? Timeout, string Seeds)
{
    /// <summary>For the message about arguments that could not be parsed: only what can be told from the words themselves.</summary>
    public static AdminSettings BeforeParsing(IReadOnlyList<string> arguments)
    {
        var format = arguments.Contains("json", StringComparer.Ordinal) || arguments.Contains("ndjson", StringComparer.Ordinal) ? OutputFormat.Json : OutputFormat.Table;
        return new AdminSettings("", "", format, false, false, arguments.Contains("--no-color", StringComparer.Ordinal), true, null, "");
    }
}
