using System.CommandLine;
using System.Globalization;
using LoadTests.Benches.Scaling;
using LoadTests.Engine;

namespace LoadTests.Benches;

/// <summary>The command of one bench: its name, how long to measure, and what only it has.</summary>
internal static class BenchCommand
{
    public static Command Of(IBench bench, RunBench run)
    {
        var pairs = AtLeastOne("--pairs", "how often all are measured, in turn", 5);
        var seconds = AtLeastOne("--seconds", "how long each measurement takes", 10);
        var warmUp = AtLeastOne("--warm-up", "seconds of load for each before the first measurement", 10);
        var engine = Engine();
        var settings = new Option<string[]>("--set") { Description = "NAME=VALUE: an environment variable of the router; may be repeated", DefaultValueFactory = _ => [] };
        var program = new Option<FileInfo>("--program") { Description = "the ShardRouter.dll of another build" };
        program.AcceptExistingOnly();
        var rows = AtLeastOne("--rows", "rows of about 370 bytes that move, table and index", 1_000_000);
        var cutovers = AtLeastOne("--cutovers", "hand-overs of batches, at least", 200);
        var writes = AtLeastOne("--writes", "writes that begin each second", MoveEffectBench.DefaultWritesPerSecond);
        var rate = new Option<string?>("--rate") { Description = "for shardadmin move: none, or bytes a second such as 50MiB/s" };
        var cores = Cores();
        var command = new Command(bench.Name, bench.Description) { pairs, seconds, warmUp, engine };
        foreach (var option in OnlyOf(bench, settings, program, rows, cutovers, writes, rate, cores))
            command.Add(option);
        command.SetAction((parsed, interrupt) => run(
            bench,
            new BenchOptions(parsed.GetValue(pairs), TimeSpan.FromSeconds(parsed.GetValue(seconds)), TimeSpan.FromSeconds(parsed.GetValue(warmUp)))
            {
                VariantSettings = (parsed.GetValue(settings) ?? []).Select(setting => setting.Split('=', 2))
                    .ToDictionary(parts => parts[0], parts => parts.ElementAtOrDefault(1), StringComparer.Ordinal),
                VariantProgram = parsed.GetValue(program)?.FullName,
                MovedRows = parsed.GetValue(rows),
                Cutovers = parsed.GetValue(cutovers),
                WritesPerSecond = parsed.GetValue(writes),
                MoveRate = parsed.GetValue(rate),
                Cores = parsed.GetValue(cores),
            },
            Engines.Create(parsed.GetValue(engine)!),
            interrupt));
        return command;
    }

    public static Option<string> Engine()
    {
        var engine = new Option<string>("--engine") { Description = "what makes the load", DefaultValueFactory = _ => Engines.BuiltIn };
        engine.AcceptOnlyFromAmong(Engines.Names);
        return engine;
    }

    public static Option<int> AtLeastOne(string name, string description, int otherwise) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => otherwise,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var number) && number >= 1)
                return number;
            result.AddError($"{name} must be a whole number, at least 1.");
            return otherwise;
        },
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

    private static Option[] OnlyOf(IBench bench, Option settings, Option program, Option rows, Option cutovers, Option writes, Option rate, Option cores) => bench switch
    {
        VariantBench => [settings, program],
        MoveBench => [rows, rate],
        ScalingBench => [cores],
        MoveEffectBench => [cutovers, writes, rate],
        _ => [],
    };
}
