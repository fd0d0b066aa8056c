using System.CommandLine;
using System.Globalization;
using LoadTests.Benches;
using LoadTests.Chaos;
using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Reports;

namespace LoadTests;

/// <summary>The command line: a bench's name and how long to measure.</summary>
internal static class LoadTestsApp
{
    private const int Failed = 1;
    private const int Interrupted = 130;

    private static readonly IBench[] Benches =
    [
        new GetBench(), new PutBench(), new MixedBench(), new LimitBench(), new AddedLatencyBench(), new ProxyBench(), new FootprintBench(), new SpineBench(),
        new VariantBench(), new PartitionedBench(), new MoveBench(), new MoveEffectBench(),
    ];

    public static async Task<int> RunAsync(string[] arguments, CancellationToken interrupt)
    {
        var root = new RootCommand("Measures the service beside what it is compared with; each bench makes its own cluster and deletes it again.");
        foreach (var bench in Benches)
            root.Add(CommandOf(bench));
        root.Add(ChaosCommand.New());
        var result = root.Parse(arguments);
        var code = await result.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false }, interrupt);
        return result.Errors.Count > 0 ? 2 : code;
    }

    private static Command CommandOf(IBench bench)
    {
        var pairs = AtLeastOne("--pairs", "how often all are measured, in turn", 5);
        var seconds = AtLeastOne("--seconds", "how long each measurement takes", 10);
        var warmUp = AtLeastOne("--warm-up", "seconds of load for each before the first measurement", 10);
        var engine = new Option<string>("--engine") { Description = "what makes the load", DefaultValueFactory = _ => Engines.BuiltIn };
        engine.AcceptOnlyFromAmong(Engines.Names);
        var settings = new Option<string[]>("--set") { Description = "NAME=VALUE: an environment variable of the router; may be repeated", DefaultValueFactory = _ => [] };
        var program = new Option<FileInfo>("--program") { Description = "the ShardRouter.dll of another build" };
        program.AcceptExistingOnly();
        var command = new Command(bench.Name, bench.Description) { pairs, seconds, warmUp, engine };
        if (bench is VariantBench)
        {
            command.Add(settings);
            command.Add(program);
        }
        var rows = AtLeastOne("--rows", "rows of about 370 bytes that move, table and index", 1_000_000);
        var cutovers = AtLeastOne("--cutovers", "hand-overs of batches, at least", 200);
        var rate = new Option<string?>("--rate") { Description = "for shardadmin move: none, or bytes a second such as 50MiB/s" };
        if (bench is MoveBench)
            command.Add(rows);
        if (bench is MoveEffectBench)
            command.Add(cutovers);
        if (bench is MoveBench or MoveEffectBench)
            command.Add(rate);
        command.SetAction((parsed, interrupt) => RunAsync(
            bench,
            new BenchOptions(parsed.GetValue(pairs), TimeSpan.FromSeconds(parsed.GetValue(seconds)), TimeSpan.FromSeconds(parsed.GetValue(warmUp)))
            {
                VariantSettings = (parsed.GetValue(settings) ?? []).Select(setting => setting.Split('=', 2))
                    .ToDictionary(parts => parts[0], parts => parts.ElementAtOrDefault(1), StringComparer.Ordinal),
                VariantProgram = parsed.GetValue(program)?.FullName,
                MovedRows = parsed.GetValue(rows),
                Cutovers = parsed.GetValue(cutovers),
                MoveRate = parsed.GetValue(rate),
            },
            Engines.Create(parsed.GetValue(engine)!),
            interrupt));
        return command;
    }

    private static Option<int> AtLeastOne(string name, string description, int otherwise) => new(name)
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

    private static async Task<int> RunAsync(IBench bench, BenchOptions options, ILoadEngine engine, CancellationToken interrupt)
    {
        try
        {
            if (Machine.Load() > 0.5)
                await Console.Error.WriteLineAsync($"This machine is busy (load {FigureText.Number(Machine.Load()!.Value)}): the ratios will be rough, and figures on their own worth nothing.");
            var report = new Report(bench.Name, await Repository.CommitAsync(interrupt), DateTimeOffset.UtcNow, Console.Out);
            await bench.RunAsync(new BenchRun(options, engine, report), interrupt);
            await report.FinishAsync(Path.Combine(Repository.Root, "loadtests", "reports"), interrupt);
            return 0;
        }
        catch (Exception) when (interrupt.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"Interrupted: {bench.Name} has no result.");
            return Interrupted;
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync($"{bench.Name} failed: {(e is WrongAnswerException ? e.Message : e)}");
            return Failed;
        }
    }
}
