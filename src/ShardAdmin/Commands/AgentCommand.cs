using System.CommandLine;
using System.CommandLine.Parsing;
using ShardAdmin.Agents;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rebalancing;
using ShardAdmin.Settings;
using ShardAdmin.Telemetry;

namespace ShardAdmin.Commands;

internal sealed class AgentCommand : AdminCommand
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ShortestTakeOver = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan UsualInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan UsualTakeOver = TimeSpan.FromSeconds(15);

    private readonly Option<TimeSpan?> _interval = New(
        "--interval", "Time between two looks for unfinished operations (default: 2s)", UsualInterval, Shortest);

    private readonly Option<TimeSpan?> _takeOverAfter = New(
        "--take-over-after", "Take an operation over from a process that has not reported for this time: it hangs (default: 15s)",
        UsualTakeOver, ShortestTakeOver);

    private readonly Option<MetricsAddress?> _metrics = new("--metrics")
    {
        Description = "Serve /metrics for Prometheus and /health/live at this address. The metrics are those of all moves of the cluster, "
            + "not only of this agent's. Without a host: 127.0.0.1; host '*': all addresses (default: no metrics)",
        HelpName = "[HOST:]PORT",
        CustomParser = ParseAddress,
    };

    private readonly Option<bool> _onlyIndexes = new("--only-indexes")
    {
        Description = "Build and drop indexes, and leave moves alone. It does not count as an agent that carries moves on",
    };

    private readonly MoveRunOptions _run;

    public AgentCommand()
        : base(
            "agent",
            "Runs as a service and continues every unfinished operation that no process works on or whose process hangs. "
            + "Several agents may run at the same time. SIGTERM stops an agent in a safe state",
            "shardadmin agent", "shardadmin agent --interval 1s --rate 50MiB/s -o ndjson", "shardadmin agent --metrics 9464")
    {
        Options.Add(_interval);
        Options.Add(_takeOverAfter);
        Options.Add(_metrics);
        Options.Add(_onlyIndexes);
        _run = new MoveRunOptions(this);
    }

    public override bool Streams(ParseResult parse) => true;

    public override bool Changes(ParseResult parse) => true;

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var settings = new AgentSettings(
            parse.GetValue(_interval) ?? UsualInterval, parse.GetValue(_takeOverAfter) ?? UsualTakeOver, AsAgent(_run.Read(parse)),
            parse.GetValue(_onlyIndexes));
        var log = new AgentLog(session.Output);
        await using var telemetry = parse.GetValue(_metrics) is { } address ? new MoveTelemetry(session, address, log) : null;
        await new MoveAgent(session, settings, log, telemetry?.Watch).RunAsync(cancellation);
        return ExitCode.Done;
    }

    /// <summary>
    /// An agent does not begin batches that a shard planned before it failed over or was restored: they may have been finished or
    /// cancelled since. A person decides about them.
    /// </summary>
    private static MoveRunSettings AsAgent(MoveRunSettings run) =>
        run with { Options = run.Options with { BeginsWhatWasRestored = false } };

    private static MetricsAddress? ParseAddress(ArgumentResult result)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (MetricsAddress.Parse(text) is { } address)
            return address;
        result.AddError($"--metrics takes a port such as 9464, 10.0.0.1:9464 or *:9464, not '{text}'.");
        return null;
    }

    /// <param name="otherwise">The default. It is not named to the library, whose help would show 00:00:02.</param>
    private static Option<TimeSpan?> New(string name, string description, TimeSpan otherwise, TimeSpan least) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        CustomParser = result =>
        {
            var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
            if (Duration.TryParse(text, out var value) && value >= least && value <= TimeSpan.FromHours(1))
                return value;
            result.AddError($"{name} takes a time of {least.TotalSeconds:0.#}s…1h such as {otherwise.TotalSeconds:0}s, not '{text}'.");
            return otherwise;
        },
    };
}
