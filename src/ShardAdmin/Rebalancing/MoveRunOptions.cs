using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.Moves.Throttling;

namespace ShardAdmin.Rebalancing;

/// <summary>How moves are done, as the command line says it.</summary>
internal sealed class MoveRunOptions
{
    private const int MaxParallel = 8;

    private static readonly (string Unit, double Bytes)[] Units =
        [("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1)];

    private readonly Option<double?> _rate = new("--rate") { Description = "At most so much a second, for instance 50MiB/s; none: as fast as it goes, whoever has to wait (default: as fast as others bear)", HelpName = "RATE", CustomParser = ParseRate };
    private readonly Option<TimeSpan?> _maxPause = new("--max-pause") { Description = "Hold writes to a batch's slots at most so long (default 250ms)", HelpName = "TIME", CustomParser = ParsePause };
    private readonly Option<int> _parallel = new("--parallel") { Description = $"Batches of different shards at the same time, 1…{MaxParallel}", HelpName = "N", DefaultValueFactory = _ => 1 };

    private readonly Option<int?> _batch = new("--batch")
    {
        Description = $"Slots that are handed over together, 1…{MoveBatch.MaxSlots} (default {MoveBatch.UsualSlots}; add-shard takes {MoveBatch.MaxSlots} where there are no items): with more a move costs less, with fewer it holds up fewer writes at a time",
        HelpName = "N",
    };

    private readonly Option<bool> _ignoreStandbys = new("--ignore-standbys")
    {
        Description = "Do not wait until every standby that streams from a shard has each step on its disk; if one that lacks a step takes over, a person has to settle what it lost",
    };

    private readonly Option<bool> _detach = new("--detach") { Description = "Only write into the journals what is wanted and return; an agent carries it on" };

    /// <param name="mayDetach">Whether there is <c>--detach</c>. What it leaves to the agent is done as the agent was told.</param>
    /// <param name="plans">Whether the command makes the batches, or finds them in the journals.</param>
    public MoveRunOptions(Command command, bool mayDetach = false, bool plans = false)
    {
        if (mayDetach)
        {
            command.Options.Add(_detach);
            command.Validators.Add(result =>
            {
                if (IsDetached(result) && ((Option[])[_rate, _maxPause, _parallel, _ignoreStandbys]).FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } odd)
                    result.AddError($"--detach leaves the work to an agent, which has its own {odd.Name}.");
            });
        }
        Limit(_parallel, MaxParallel);
        Limit(_batch, MoveBatch.MaxSlots);
        command.Options.Add(_rate);
        command.Options.Add(_maxPause);
        command.Options.Add(_parallel);
        command.Options.Add(_ignoreStandbys);
        if (plans)
            command.Options.Add(_batch);
    }

    public bool IsDetached(CommandResult result) => result.GetResult(_detach) is { Implicit: false };

    public MoveRunSettings Read(ParseResult parse)
    {
        var rate = parse.GetValue(_rate);
        var unbounded = rate is double.PositiveInfinity;
        var options = new MoveOptions { Rate = new CopyRate(unbounded ? null : rate), IgnoresStandbys = parse.GetValue(_ignoreStandbys) };
        var detach = parse.GetResult(_detach) is not null && parse.GetValue(_detach);
        return new MoveRunSettings(parse.GetValue(_maxPause) is { } pause ? WithPause(options, pause) : options, parse.GetValue(_parallel), parse.GetResult(_batch) is null ? null : parse.GetValue(_batch), Adapts: !unbounded, detach);
    }

    private static void Limit(Option option, int most) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[^1].Value, CultureInfo.InvariantCulture, out var number) && (number < 1 || number > most))
            result.AddError($"{option.Name} takes 1…{most}, not {number}.");
    });

    /// <summary>The freeze is for what is nearly level: a shorter pause wants a smaller lag before it.</summary>
    private static MoveOptions WithPause(MoveOptions options, TimeSpan pause) => options with
    {
        MaxPause = pause,
        FreezeWhenLagBelow = pause / 2 < options.FreezeWhenLagBelow ? pause / 2 : options.FreezeWhenLagBelow,
        LockTimeout = pause < options.LockTimeout ? pause : options.LockTimeout,
        FreezeDeadline = pause * 4 > options.FreezeDeadline ? pause * 4 : options.FreezeDeadline,
    };

    private static double? ParseRate(ArgumentResult result)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (text == "none")
            return double.PositiveInfinity;
        var amount = text.EndsWith("/s", StringComparison.Ordinal) ? text[..^2] : text;
        var (unit, bytes) = Units.FirstOrDefault(unit => amount.EndsWith(unit.Unit, StringComparison.Ordinal), ("", 0));
        if (bytes > 0 && double.TryParse(amount[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number * bytes is >= 1024 and < 1e13)
            return number * bytes;
        result.AddError($"--rate takes bytes a second such as 50MiB/s (1KiB/s at least), not '{text}'.");
        return null;
    }

    private static TimeSpan? ParsePause(ArgumentResult result)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (Duration.TryParse(text, out var value) && value >= TimeSpan.FromMilliseconds(10) && value <= TimeSpan.FromSeconds(10))
            return value;
        result.AddError($"--max-pause takes a time of 10ms…10s such as 250ms, not '{text}'.");
        return null;
    }
}

/// <param name="Parallel">Batches of different sources at once.</param>
/// <param name="BatchSlots">In a batch, at most; for those that are planned now. Null: as usual.</param>
/// <param name="Adapts">Goes slower when others have to wait (<see cref="AdaptiveThrottle"/>).</param>
/// <param name="Detach">Only into the journals.</param>
internal sealed record MoveRunSettings(MoveOptions Options, int Parallel, int? BatchSlots = null, bool Adapts = true, bool Detach = false);
