using System.CommandLine;
using System.Globalization;
using LoadTests.Benches.Scaling;
using LoadTests.Engine;

namespace LoadTests.Benches;

/// <summary>The options of one bench: those that it uses and no other, as one that is taken and ignored looks like one that is heeded.</summary>
internal sealed class BenchArguments
{
    private readonly Option<int> _pairs = BenchCommand.AtLeastOne("--pairs", "how often all are measured, in turn", 5);
    private readonly Option<int> _seconds = BenchCommand.AtLeastOne("--seconds", "how long each measurement takes", 10);
    private readonly Option<int> _warmUp = BenchCommand.AtLeastOne("--warm-up", "seconds of load for each before the first measurement", 10);
    private readonly Option<string> _engine = BenchCommand.Engine();
    private readonly Option<string[]> _settings = new("--set") { Description = "NAME=VALUE: an environment variable of the router; may be repeated", DefaultValueFactory = _ => [] };
    private readonly Option<FileInfo> _program = new Option<FileInfo>("--program") { Description = "the ShardRouter.dll of another build" }.AcceptExistingOnly();
    private readonly Option<int> _rows = BenchCommand.AtLeastOne("--rows", "rows of about 370 bytes that move, table and index", 1_000_000);
    private readonly Option<int> _cutovers = BenchCommand.AtLeastOne("--cutovers", "hand-overs of batches, at least", 200);
    private readonly Option<int> _writes = BenchCommand.AtLeastOne("--writes", "writes that begin each second", MoveEffectBench.DefaultWritesPerSecond);
    private readonly Option<string?> _rate = new("--rate") { Description = "for shardadmin move: none, or bytes a second such as 50MiB/s" };
    private readonly Option<int?> _batch = new("--batch") { Description = "for shardadmin move: slots that are handed over together (default: its own)" };
    private readonly Option<double?> _cores = Cores();

    public BenchArguments(IBench bench) => Options = bench switch
    {
        VariantBench => [_pairs, _seconds, _warmUp, _engine, _settings, _program],
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
        var cores = new Option<double?>("--cores") { Description = "the share of a core that each gets, such as 0.05" };
        cores.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var value) && value is < 0.01 or > 1)
                result.AddError("--cores takes a number from 0.01 to 1.");
        });
        return cores;
    }
}
