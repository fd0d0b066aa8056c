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
    private static readonly int[] Sizes = [1, 2, 4, 8];

    private const int Runs = 3;

    /// <summary>How much more than eight times the cost may be at eight times the size.</summary>
    private const double Tolerance = 3;

    /// <summary>Less than this is mostly what any request costs.</summary>
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(2);

    public static TheoryData<string> Names => [.. CostCase.All.Select(each => each.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Eight_times_as_much_costs_no_more_than_about_eight_times(string name)
    {
        var one = CostCase.All.Single(each => each.Name == name);
        var costs = new List<TimeSpan>();
        foreach (var size in Sizes)
            costs.Add(await CostAsync(one, size));

        var curve = string.Join(" | ", costs.Select(cost => cost.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture)));
        output.WriteLine($"| {name} | {curve} |");

        var allowed = Tolerance * Sizes[^1] * (costs[0] > Least ? costs[0] : Least);
        Assert.True(costs[^1] <= allowed, $"{name}, milliseconds: {curve}; at most {allowed.TotalMilliseconds:0} were allowed.");
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
        var items = await ApiCollection.CreateAsync(own.Router.Api);
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
}
