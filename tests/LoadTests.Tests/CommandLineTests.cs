using Chaos;
using LoadTests.Benches;
using LoadTests.Benches.Overload;
using LoadTests.Benches.Queries;
using LoadTests.Benches.Scaling;
using LoadTests.Engine;

namespace LoadTests.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData]
    [InlineData("no-such-bench")]
    [InlineData("get", "--pairs", "0")]
    [InlineData("get", "--seconds", "soon")]
    [InlineData("get", "--engine", "jmeter")]
    [InlineData("--quick", "--pairs", "1")]
    [InlineData("partitioned", "--cores", "2")]
    [InlineData("get", "--cores", "0.1")]
    [InlineData("move", "--seconds", "3")]
    [InlineData("move", "--warm-up", "3")]
    [InlineData("move", "--engine", "built-in")]
    [InlineData("query", "--program", "x.dll")]
    [InlineData("index-cost", "--program", "/no/such/ShardRouter.dll")]
    [InlineData("overload", "--engine", "built-in")]
    [InlineData("move-effect", "--pairs", "2")]
    [InlineData("move-effect", "--engine", "built-in")]
    public async Task What_it_does_not_understand_ends_with_2_and_starts_nothing(params string[] arguments) =>
        Assert.Equal(2, await LoadTestsApp.RunAsync(arguments, TestContext.Current.CancellationToken));

    [Theory]
    [InlineData("--ha", "--matrix")]
    [InlineData("--ha-mode", "both")]
    public async Task Nor_does_chaos(params string[] arguments) =>
        Assert.Equal(2, await ChaosCommand.RunAsync(arguments, TestContext.Current.CancellationToken));

    [Fact]
    public void A_bench_has_the_options_that_it_uses_and_names_them()
    {
        Assert.Equal("get has --pairs, --seconds, --warm-up, --engine", Told(new GetBench()));
        Assert.Equal("variant has --pairs, --seconds, --warm-up, --engine, --set, --program", Told(new VariantBench()));
        Assert.Equal("query has --pairs, --seconds, --warm-up, --engine", Told(new QueryBench()));
        Assert.Equal("index-cost has --pairs, --seconds, --warm-up, --engine, --program", Told(new IndexCostBench()));
        Assert.Equal("overload has --pairs, --seconds, --warm-up, --set, --cores", Told(new OverloadBench()));
        Assert.Equal("partitioned has --pairs, --seconds, --warm-up, --engine, --cores", Told(new ScalingBench(ScaledPart.Shards)));
        Assert.Equal("move has --pairs, --rows, --rate, --batch", Told(new MoveBench()));
        Assert.Equal("move-effect has --seconds, --warm-up, --cutovers, --writes, --rate, --batch", Told(new MoveEffectBench()));
    }

    [Fact]
    public async Task What_is_given_arrives_and_what_is_not_has_its_default()
    {
        var given = new List<BenchOptions>();
        Task<int> KeepAsync(IBench bench, BenchOptions options, ILoadEngine engine, CancellationToken interrupt)
        {
            given.Add(options);
            return Task.FromResult(0);
        }

        await BenchCommand.Of(new MoveEffectBench(), KeepAsync).Parse(["--seconds", "3", "--writes", "500"]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken);
        await BenchCommand.Of(new MoveBench(), KeepAsync).Parse(["--pairs", "2", "--rate", "none", "--batch", "64"]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal((TimeSpan.FromSeconds(3), 500, 200, null), (given[0].Duration, given[0].WritesPerSecond, given[0].Cutovers, given[0].MoveRate));
        Assert.Equal((2, "none", 64, 1_000_000), (given[1].Pairs, given[1].MoveRate, given[1].MoveBatchSlots, given[1].MovedRows));
    }

    private static string Told(IBench bench) => BenchCommand.OptionsOf(BenchCommand.Of(bench, (_, _, _, _) => Task.FromResult(0)));
}
