using System.CommandLine;

namespace LoadTests.Benches.Quick;

/// <summary>
/// The command <c>quick</c>, or <c>--quick</c>. It has no options for durations: only values of equal durations can be compared.
/// </summary>
internal static class QuickCommand
{
    private const int Pairs = 2;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FirstWarmUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    public static Command New(RunBench run)
    {
        var bench = new QuickBench();
        var record = new Option<bool>("--record") { Description = "write the ratios into loadtests/recorded-ratios.json instead of comparing them" };
        var engine = BenchCommand.Engine();
        var command = new Command(bench.Name, bench.Description) { record, engine };
        command.Aliases.Add("--quick");
        command.SetAction((parsed, interrupt) => run(
            bench, new BenchOptions(Pairs, Duration, FirstWarmUp) { WarmUp = WarmUp, Record = parsed.GetValue(record) },
            Engine.Engines.Create(parsed.GetValue(engine)!), interrupt));
        return command;
    }
}
