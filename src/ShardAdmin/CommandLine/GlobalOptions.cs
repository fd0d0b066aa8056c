using System.CommandLine;
using System.CommandLine.Parsing;
using ShardAdmin.Settings;
using ShardCore.RingStorage;

namespace ShardAdmin.CommandLine;

/// <summary>The options that every command has.</summary>
internal sealed class GlobalOptions
{
    private readonly Option<string> _redis;
    private readonly Option<string> _cluster;
    private readonly Option<OutputFormat> _output = new("--output", "-o")
    {
        Description = "Format of results on stdout: table (the default) for people; json (one document) or ndjson (one line per element) for programs",
        HelpName = "table|json|ndjson",
        CustomParser = ParseFormat,
    };

    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Write only results, warnings and errors; no progress" };
    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "Show details of errors, with stack traces" };
    private readonly Option<bool> _noColor = new("--no-color") { Description = "Write no colours (also NO_COLOR)" };
    private readonly Option<bool> _noInput = new("--no-input") { Description = "Never ask: a command that has to ask fails instead" };
    private readonly Option<TimeSpan?> _timeout = new("--timeout")
    {
        Description = "How long the whole command may take, such as 30s or 5m (default: as long as it needs). "
            + "When the time is over the command exits with 8; a move stops in a safe state and can be resumed",
        HelpName = "TIME",
        CustomParser = ParseTimeout,
    };

    private readonly AdminProcess _process;

    public GlobalOptions(AdminProcess process)
    {
        _process = process;
        _redis = new Option<string>("--redis")
        {
            Description = "Address of Redis (SHARDING_REDIS), if needed with user, password and TLS: "
                + "host:port,user=…,passwordFile=…,caFile=…",
            HelpName = "HOST:PORT",
            DefaultValueFactory = _ => process.Variable("SHARDING_REDIS") is { Length: > 0 } value ? value : "127.0.0.1:6379",
        };
        _cluster = new Option<string>("--cluster")
        {
            Description = "Name of the cluster (SHARDING_CLUSTER)",
            HelpName = "NAME",
            DefaultValueFactory = _ => process.Variable("SHARDING_CLUSTER") is { Length: > 0 } value ? value : "default",
        };
        _redis.Validators.Add(RequireEndpoint);
        _cluster.Validators.Add(RequireClusterName);
    }

    public void AddTo(RootCommand root)
    {
        foreach (Option option in (Option[])[_redis, _cluster, _output, _quiet, _verbose, _noColor, _noInput, _timeout])
        {
            option.Recursive = true;
            root.Options.Add(option);
        }
    }

    public AdminSettings Read(ParseResult parse) => new(
        parse.GetRequiredValue(_redis), parse.GetRequiredValue(_cluster), parse.GetValue(_output), parse.GetValue(_quiet),
        parse.GetValue(_verbose),
        parse.GetValue(_noColor) || !string.IsNullOrEmpty(_process.Variable("NO_COLOR")),
        parse.GetValue(_noInput) || !_process.InIsTerminal,
        parse.GetValue(_timeout),
        _process.Variable("SHARDING_SEEDS") ?? "",
        OwnerLogin.From(_process));

    private static OutputFormat ParseFormat(ArgumentResult result)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        switch (text)
        {
            case "table": return OutputFormat.Table;
            case "json": return OutputFormat.Json;
            case "ndjson": return OutputFormat.NdJson;
            default:
                result.AddError($"-o takes table, json or ndjson, not '{text}'.");
                return OutputFormat.Table;
        }
    }

    private static TimeSpan? ParseTimeout(ArgumentResult result)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (Duration.TryParse(text, out var value) && value > TimeSpan.Zero)
            return value;
        result.AddError($"--timeout takes a time such as 500ms, 30s or 5m, not '{text}'.");
        return null;
    }

    private static void RequireEndpoint(OptionResult result)
    {
        if (!RedisAddress.IsValid(result.GetValueOrDefault<string>()))
            result.AddError(
                $"--redis (SHARDING_REDIS) takes {RedisAddress.Expected}, not '{result.GetValueOrDefault<string>()?.Split(',')[0]}'.");
    }

    private static void RequireClusterName(OptionResult result)
    {
        var name = result.GetValueOrDefault<string>() ?? "";
        if (name.Length is 0 or > 63 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            result.AddError($"--cluster (SHARDING_CLUSTER) takes a name of up to 63 letters, digits, '-', '_' and '.', not '{name}'.");
    }
}
