using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ShardAdmin.Settings;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Throttling;

namespace ShardAdmin.Rebalancing;

/// <summary>The options that say how slots are moved.</summary>
internal sealed class MoveRunOptions
{
    private const int MaxParallel = 8;

    private static readonly (string Unit, double Bytes)[] Units =
        [("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1)];

    private readonly Option<double?> _rate = new("--rate")
    {
        Description = "Copy at most this much per second, such as 50MiB/s; 'none': copy at full speed, even if clients become slower "
            + "(default: no fixed limit, but slower while clients have to wait)",
        HelpName = "RATE",
        CustomParser = ParseRate,
    };

    private readonly Option<TimeSpan?> _maxPause = new("--max-pause")
    {
        Description = "Hold writes to the slots of a batch for at most this time (default: 250ms)",
        HelpName = "TIME",
        CustomParser = ParsePause,
    };

    private readonly Option<int> _parallel = new("--parallel")
    {
        Description = $"How many shards give slots away at the same time, 1…{MaxParallel}",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };


    private readonly Option<int?> _batch = new("--batch")
    {
        Description = $"How many slots are handed over together, 1…{MoveBatch.MaxSlots} (default: {MoveBatch.UsualSlots}; add-shard uses "
            + $"{MoveBatch.MaxSlots} if there are no items). With more slots a move is cheaper; with fewer it holds fewer writes at a time",
        HelpName = "N",
    };

    private readonly Option<bool> _ignoreStandbys = new("--ignore-standbys")
    {
        Description = "Do not wait until every standby that streams from a shard has each step on its disk. If a standby without a step "
            + "takes over, a person has to settle the loss",
    };

    private readonly Option<bool> _detach = new("--detach")
    {
        Description = "Only write into the journals what is wanted; an agent carries it out",
    };


    /// <param name="mayDetach">Whether the command has <c>--detach</c>. An agent moves slots with its own options.</param>
    /// <param name="plans">True: the command makes the batches; false: it finds them in the journals.</param>
    public MoveRunOptions(Command command, bool mayDetach = false, bool plans = false)
    {
        if (mayDetach)
        {
            command.Options.Add(_detach);
            command.Validators.Add(result =>
            {
                if (IsDetached(result)
                    && ((Option[])[_rate, _maxPause, _parallel, _ignoreStandbys])
                        .FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } odd)
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
        return new MoveRunSettings(
            parse.GetValue(_maxPause) is { } pause ? WithPause(options, pause) : options, parse.GetValue(_parallel),
            parse.GetResult(_batch) is null ? null : parse.GetValue(_batch), Adapts: !unbounded, detach);
    }

    private static void Limit(Option option, int most) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[^1].Value, CultureInfo.InvariantCulture, out var number)
            && (number < 1 || number > most))
            result.AddError($"{option.Name} takes 1…{most}, not {number}.");
    });

    /// <summary>A shorter pause needs a smaller lag before the freeze.</summary>
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
        if (bytes > 0
            && double.TryParse(amount[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && number * bytes is >= 1024 and < 1e13)
            return number * bytes;
        result.AddError($"--rate takes bytes per second such as 50MiB/s (at least 1KiB/s), or none, not '{text}'.");
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

/// <param name="Parallel">How many sources move batches at the same time.</param>
/// <param name="BatchSlots">The largest number of slots in a newly planned batch; null: the usual number.</param>
/// <param name="Adapts">True: moves become slower while clients have to wait (<see cref="AdaptiveThrottle"/>).</param>
/// <param name="Detach">True: the plan is only written into the journals.</param>
internal sealed record MoveRunSettings(MoveOptions Options, int Parallel, int? BatchSlots = null, bool Adapts = true, bool Detach = false);
