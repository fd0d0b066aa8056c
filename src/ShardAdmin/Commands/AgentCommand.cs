using System.CommandLine;
using System.CommandLine.Parsing;
using ShardAdmin.Agents;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardAdmin.Telemetry;

namespace ShardAdmin.Commands;

internal sealed class AgentCommand : AdminCommand
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ShortestTakeOver = TimeSpan.FromSeconds(3);

    private readonly Option<TimeSpan> _interval = New("--interval", "Between looks for something to carry on (default 2s)", TimeSpan.FromSeconds(2), Shortest);
    private readonly Option<TimeSpan> _takeOverAfter = New("--take-over-after", "A mover that has not reported for so long hangs: it is taken over from (default 15s)", TimeSpan.FromSeconds(15), ShortestTakeOver);
    private readonly Option<MetricsAddress?> _metrics = new("--metrics")
    {
        Description = "Serve metrics of all moves for Prometheus there, whoever carries them out: /metrics, and /health/live; 127.0.0.1 unless a host is given, * is all addresses (default: none)",
        HelpName = "[HOST:]PORT",
        CustomParser = ParseAddress,
    };

    private readonly MoveRunOptions _run;

    public AgentCommand()
        : base(
            "agent", "A service: carries on every unfinished operation that nobody works on, and those of movers that hang; any number of them. SIGTERM stops it in a safe state",
            "shardadmin agent", "shardadmin agent --interval 1s --rate 50MiB/s -o ndjson", "shardadmin agent --metrics 9464")
    {
        Options.Add(_interval);
        Options.Add(_takeOverAfter);
        Options.Add(_metrics);
        _run = new MoveRunOptions(this);
    }

    public override bool Streams(ParseResult parse) => true;

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var settings = new AgentSettings(parse.GetValue(_interval), parse.GetValue(_takeOverAfter), AsAgent(_run.Read(parse)));
        var log = new AgentLog(session.Output);
        await using var telemetry = parse.GetValue(_metrics) is { } address ? new MoveTelemetry(session, address, log) : null;
        await new MoveAgent(session, settings, log, telemetry?.Watch).RunAsync(cancellation);
        return ExitCode.Done;
    }

    /// <summary>
    /// What a shard planned before it failed over or was restored may have been finished or cancelled since: a person decides about
    /// that.
    /// </summary>
    private static MoveRunSettings AsAgent(MoveRunSettings run) => run with { Options = run.Options with { BeginsWhatWasRestored = false } };

    private static MetricsAddress? ParseAddress(ArgumentResult result)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (MetricsAddress.Parse(text) is { } address)
            return address;
        result.AddError($"--metrics takes a port such as 9464, 10.0.0.1:9464 or *:9464, not '{text}'.");
        return null;
    }

    private static Option<TimeSpan> New(string name, string description, TimeSpan otherwise, TimeSpan least) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        DefaultValueFactory = _ => otherwise,
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
