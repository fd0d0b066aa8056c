using System.CommandLine;
using LoadTests.Benches;
using LoadTests.Engine;

namespace LoadTests.Scenarios;

/// <summary>The command <c>load</c>: runs one scenario, or all one after the other.</summary>
internal static class LoadCommand
{
    private const string EachOfThem = "all";

    public static Command New(RunBench run)
    {
        var name = new Argument<string>("scenario") { Description = EachOfThem + ", or one of:\n" + string.Join('\n', LoadCases.All.Select(scenario => $"{scenario.Name}: {scenario.Description}")) };
        name.AcceptOnlyFromAmong([EachOfThem, .. LoadCases.All.Select(scenario => scenario.Name)]);
        var seconds = BenchCommand.AtLeastOne(
            "--seconds", "the duration of the measurement (default: 30; during-add-shard: 90; during-index-build: 120)", 0);
        var warmUp = BenchCommand.AtLeastOne("--warm-up", "seconds of the same load before the measurement", 10);
        var rate = BenchCommand.AtLeastOne("--rate", "how many operations begin per second (default: that of the scenario)", 0);
        var engine = BenchCommand.Engine();
        var command = new Command("load", "A load at a fixed rate, with a report of each second: Markdown, and HTML with plots.") { name, seconds, warmUp, rate, engine };
        command.SetAction(async (parsed, interrupt) =>
        {
            var worst = 0;
            foreach (var scenario in LoadCases.All.Where(one => parsed.GetValue(name) is EachOfThem || one.Name == parsed.GetValue(name)))
            {
                var duration = TimeSpan.FromSeconds(parsed.GetValue(seconds) is > 0 and var wanted ? wanted : scenario.Seconds);
                var options = new BenchOptions(Pairs: 1, duration, TimeSpan.FromSeconds(parsed.GetValue(warmUp)));
                worst = Math.Max(worst, await run(
                    new LoadBench(scenario, parsed.GetValue(rate) is > 0 and var perSecond ? perSecond : null), options, Engines.Create(parsed.GetValue(engine)!), interrupt));
                if (interrupt.IsCancellationRequested)
                    break;
            }
            return worst;
        });
        return command;
    }
}
