using System.CommandLine;
using LoadTests.Benches;
using LoadTests.Benches.Overload;
using LoadTests.Benches.Queries;
using LoadTests.Benches.Quick;
using LoadTests.Benches.Scaling;
using LoadTests.Engine;
using LoadTests.Reports;
using LoadTests.Scenarios;
using Workbench;

namespace LoadTests;

/// <summary>The command line: the name of a bench, and its options.</summary>
internal static class LoadTestsApp
{
    private const int Failed = 1;
    private const int Interrupted = 130;

    private static readonly IBench[] Benches =
    [
        new GetBench(), new PutBench(), new MixedBench(), new LimitBench(), new AddedLatencyBench(), new ProxyBench(), new FootprintBench(), new SpineBench(),
        new VariantBench(), new TokenBench(), new KeyBench(), new TlsBench(), new QueryBench(), new IndexCostBench(), new CollectionsBench(),
        new ScalingBench(ScaledPart.Shards), new ScalingBench(ScaledPart.Routers), new OverloadBench(), new CostBench(), new MoveBench(), new MoveEffectBench(),
    ];

    public static async Task<int> RunAsync(string[] arguments, CancellationToken interrupt)
    {
        var root = new RootCommand(
            "Measures the service and its references in turn. Each bench makes its own cluster and deletes it again.");
        root.Add(QuickCommand.New(RunAsync));
        root.Add(LoadCommand.New(RunAsync));
        foreach (var bench in Benches)
            root.Add(BenchCommand.Of(bench, RunAsync));
        var result = root.Parse(arguments);
        var code = await result.RunAsync(interrupt);
        if (result.UnmatchedTokens.Count > 0 && result.CommandResult.Command is var command && command != root)
            await Console.Error.WriteLineAsync(BenchCommand.OptionsOf(command));
        return code;
    }

    private static async Task<int> RunAsync(IBench bench, BenchOptions options, ILoadEngine engine, CancellationToken interrupt)
    {
        try
        {
            if (Machine.Load() > 0.5)
                await Console.Error.WriteLineAsync($"This machine is busy (load {FigureText.Number(Machine.Load()!.Value)}): the ratios will be rough, and figures on their own worth nothing.");
            var report = new Report(bench.Name, await Repository.CommitAsync(interrupt), DateTimeOffset.UtcNow, Console.Out);
            await bench.RunAsync(new BenchRun(options, engine, report), interrupt);
            await report.FinishAsync(Path.Combine(Repository.Root, "loadtests", "reports"), interrupt);
            return report.HasFailed ? Failed : 0;
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
