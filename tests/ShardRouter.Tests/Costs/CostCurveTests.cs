using System.Globalization;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Costs;

/// <summary>
/// No request costs much more than in proportion to its size: a client that may send a megabyte cannot keep a router or a shard busy for
/// long with it.
/// </summary>
public sealed class CostCurveTests(OwnCluster own, ITestOutputHelper output) : IClassFixture<OwnCluster>
{
    /// <summary>Eight times as much.</summary>
    private const int Large = 8;

    private const int Runs = 3;

    /// <summary>A cost that is too high is measured again: a busy machine adds to it, for instance by what its caches lose.</summary>
    private const int Attempts = 3;

    /// <summary>How much more than eight times the cost may be at eight times the size.</summary>
    private const double Tolerance = 3;

    /// <summary>Less than this is mostly what any request costs.</summary>
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(2);

    /// <summary>One of each kind of request.</summary>
    public static TheoryData<string> Names =>
    [
        "PUT, many small objects", "PUT, deep nesting", "merge patch, many fields", "JSON Patch, many operations", "increment, many paths",
        "list, a filter that keeps nothing", "batchWrite, large objects and small ones", "batchGet",
    ];

    public static TheoryData<string> OtherNames => [.. CostCase.All.Select(each => each.Name).Except(Names.Select(row => row.Data), StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    [MemberData(nameof(OtherNames), Traits = ["Category", "Long"])]
    public async Task Eight_times_as_much_costs_no_more_than_about_eight_times(string name)
    {
        var one = CostCase.All.Single(each => each.Name == name);
        var (small, large, allowed) = (TimeSpan.Zero, TimeSpan.MaxValue, TimeSpan.Zero);
        for (var attempt = 0; attempt < Attempts && large > allowed; attempt++)
        {
            (small, large) = (await CostAsync(one, 1), await CostAsync(one, Large));
            allowed = Tolerance * Large * (small > Least ? small : Least);
            output.WriteLine($"| {name} | {Milliseconds(small)} | {Milliseconds(large)} |");
        }
        Assert.True(large <= allowed, $"{name}, milliseconds: {Milliseconds(small)} | {Milliseconds(large)}; at most {Milliseconds(allowed)} were allowed.");
    }

    /// <summary>What a large object has left behind, for instance a large set of names, costs nothing for each small one that follows.</summary>
    [Fact]
    public async Task Small_objects_cost_the_same_behind_a_large_one_as_before_it()
    {
        var before = await CostAsync(CostCase.SmallFirst, 1);
        var behind = await CostAsync(CostCase.LargeFirst, 1);

        output.WriteLine($"{before.TotalMilliseconds:0} ms before, {behind.TotalMilliseconds:0} ms behind");
        Assert.True(behind < 2 * before, $"{before.TotalMilliseconds:0} ms before, {behind.TotalMilliseconds:0} ms behind");
    }

    /// <returns>The least of several runs, so that a collection of garbage or a compilation in between does not count.</returns>
    private async Task<TimeSpan> CostAsync(CostCase one, int size)
    {
        var processor = new ProcessorTime(own);
        using var patient = new ApiClient(own.Router.Url, () => own.Router.Output) { Headers = [("Request-Timeout", "30")] };
        var items = await ApiCollection.CreateAsync(patient);
        var least = TimeSpan.MaxValue;
        for (var run = 0; run < Runs; run++)
        {
            await one.Prepare(items, size);
            var cost = await processor.OfAsync(async () =>
            {
                var reply = await one.Send(items, size);
                Assert.True(reply.Status is 200 or 201, reply.ToString());
            });
            least = cost < least ? cost : least;
        }
        return least;
    }

    private static string Milliseconds(TimeSpan time) => time.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture);
}
