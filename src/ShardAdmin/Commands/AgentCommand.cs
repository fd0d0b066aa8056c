using System.CommandLine;
using System.CommandLine.Parsing;
using ShardAdmin.Agents;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;

namespace ShardAdmin.Commands;

internal sealed class AgentCommand : AdminCommand
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ShortestTakeOver = TimeSpan.FromSeconds(3);

    private readonly Option<TimeSpan> _interval = New("--interval", "Between looks for something to carry on (default 2s)", TimeSpan.FromSeconds(2), Shortest);
    private readonly Option<TimeSpan> _takeOverAfter = New("--take-over-after", "A mover that has not reported for so long hangs: it is taken over from (default 15s)", TimeSpan.FromSeconds(15), ShortestTakeOver);
    private readonly MoveRunOptions _run;

    public AgentCommand()
        : base(
            "agent", "A service: carries on every unfinished operation that nobody works on, and those of movers that hang; any number of them. SIGTERM stops it in a safe state",
            "shardadmin agent", "shardadmin agent --interval 1s --rate 50MiB/s -o ndjson")
    {
        Options.Add(_interval);
        Options.Add(_takeOverAfter);
        _run = new MoveRunOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var settings = new AgentSettings(parse.GetValue(_interval), parse.GetValue(_takeOverAfter), _run.Read(parse));
        await new MoveAgent(session, settings, new AgentLog(session.Output)).RunAsync(cancellation);
        return ExitCode.Done;
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
