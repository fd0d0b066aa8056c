namespace ShardAdmin.Settings;

/// <summary>The settings that the global options and the environment give.</summary>
/// <param name="NoInput">True: asking is not allowed, or nobody is there to answer.</param>
/// <param name="Timeout">Null: the command may take as long as it needs.</param>
/// <param name="Seeds">The text of SHARDING_SEEDS: entries host:port/db or host:port,host:port/db, separated by commas.</param>
/// <param name="Owner">The login that builds indexes; null: the ordinary one.</param>
internal sealed record AdminSettings(
    string Redis, string Cluster, OutputFormat Format, bool Quiet, bool Verbose, bool NoColor, bool NoInput, TimeSpan? Timeout,
    string Seeds, OwnerLogin? Owner = null)
{
    /// <summary>For the message about arguments that cannot be parsed: looks only at the words themselves.</summary>
    public static AdminSettings BeforeParsing(IReadOnlyList<string> arguments)
    {
        var format = arguments.Contains("json", StringComparer.Ordinal) || arguments.Contains("ndjson", StringComparer.Ordinal)
            ? OutputFormat.Json
            : OutputFormat.Table;
        return new AdminSettings("", "", format, false, false, arguments.Contains("--no-color", StringComparer.Ordinal), true, null, "");
    }
}

/// <summary>The format of results on stdout.</summary>
internal enum OutputFormat
{
    Table,

    /// <summary>One indented document.</summary>
    Json,

    /// <summary>One line per element of a list; one line if the result is not a list.</summary>
    NdJson,
}
