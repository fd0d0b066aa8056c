using System.CommandLine;
using System.Globalization;
using LoadTests.Benches.Overload;
using LoadTests.Benches.Queries;
using LoadTests.Benches.Scaling;
using LoadTests.Engine;

namespace LoadTests.Benches;

/// <summary>The options of one bench. It has only the options that it uses: an accepted but ignored option would mislead people.</summary>
internal sealed class BenchArguments
{
    private readonly Option<int> _pairs = BenchCommand.AtLeastOne("--pairs", "how often each contestant is measured, in turn", 5);
    private readonly Option<int> _seconds = BenchCommand.AtLeastOne("--seconds", "the duration of each measurement", 10);
    private readonly Option<int> _warmUp = BenchCommand.AtLeastOne(
        "--warm-up", "seconds of load for each contestant before its first measurement", 10);

    private readonly Option<string> _engine = BenchCommand.Engine();
    private readonly Option<string[]> _settings = new("--set")
    {
        Description = "NAME=VALUE: an environment variable of the router; repeat the option for several",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<FileInfo> _program = new Option<FileInfo>("--program")
    {
        Description = "the ShardRouter.dll of another build",
    }.AcceptExistingOnly();

    private readonly Option<int> _rows = BenchCommand.AtLeastOne("--rows", "how many rows move; each has about 370 bytes with its index entry", 1_000_000);
    private readonly Option<int> _cutovers = BenchCommand.AtLeastOne("--cutovers", "the least number of hand-overs of batches", 200);
    private readonly Option<int> _writes = BenchCommand.AtLeastOne(
        "--writes", "how many writes begin per second", MoveEffectBench.DefaultWritesPerSecond);

    private readonly Option<string?> _rate = new("--rate")
    {
        Description = "the option --rate of shardadmin move: none, or bytes per second such as 50MiB/s",
    };

    private readonly Option<int?> _batch = new("--batch")
    {
        Description = "the option --batch of shardadmin move: how many slots are handed over together (default: that of shardadmin)",
    };

    private readonly Option<double?> _cores = Cores();

    public BenchArguments(IBench bench) => Options = bench switch
    {
        VariantBench => [_pairs, _seconds, _warmUp, _engine, _settings, _program],
        OverloadBench => [_pairs, _seconds, _warmUp, _settings, _cores], // only our own engine counts latency from the planned start
        IndexCostBench => [_pairs, _seconds, _warmUp, _engine, _program],
        ScalingBench => [_pairs, _seconds, _warmUp, _engine, _cores],
        MoveBench => [_pairs, _rows, _rate, _batch],
        MoveEffectBench => [_seconds, _warmUp, _cutovers, _writes, _rate, _batch],
        _ => [_pairs, _seconds, _warmUp, _engine],
    };

    public IReadOnlyList<Option> Options { get; }

    public ILoadEngine EngineOf(ParseResult parsed) => Engines.Create(parsed.GetValue(_engine) ?? Engines.BuiltIn);

    public BenchOptions Read(ParseResult parsed) => new(
        parsed.GetValue(_pairs), TimeSpan.FromSeconds(parsed.GetValue(_seconds)), TimeSpan.FromSeconds(parsed.GetValue(_warmUp)))
    {
        VariantSettings = (parsed.GetValue(_settings) ?? []).Select(setting => setting.Split('=', 2))
            .ToDictionary(parts => parts[0], parts => parts.ElementAtOrDefault(1), StringComparer.Ordinal),
        VariantProgram = parsed.GetValue(_program)?.FullName,
        MovedRows = parsed.GetValue(_rows),
        Cutovers = parsed.GetValue(_cutovers),
        WritesPerSecond = parsed.GetValue(_writes),
        MoveRate = parsed.GetValue(_rate),
        MoveBatchSlots = parsed.GetValue(_batch),
        Cores = parsed.GetValue(_cores),
    };

    private static Option<double?> Cores()
    {
        var cores = new Option<double?>("--cores") { Description = "the share of a core that each shard or router gets, such as 0.05" };
        cores.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var value) && value is < 0.01 or > 1)
                result.AddError("--cores takes a number from 0.01 to 1.");
        });
        return cores;
    }
}
