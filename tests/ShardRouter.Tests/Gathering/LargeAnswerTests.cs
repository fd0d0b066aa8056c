using System.Globalization;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

public sealed class LargeAnswerTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private const int Clients = 64;
    private const int Rounds = 12;
    private const int QuietRounds = 3;

    /// <summary>An answer is in memory whole: 128 documents of 1 MiB must not be asked for at once.</summary>
    [Fact]
    public async Task Large_documents_are_read_few_at_a_time_and_small_ones_many()
    {
        await using var router = await own.Cluster.StartRouterAsync(); // whose workers know nothing yet
        var items = new ApiCollection(router.Api, own.Items.Name);
        var pk = own.Cluster.PartitionOf("s1", 45);
        (await items.PutAsync(pk, "large", $$"""{"t":"{{new string('x', 900 * 1024)}}"}""")).Expect(201);
        (await items.PutAsync(pk, "small", "{}")).Expect(201);

        // A worker learns by its first statement how large they are. A busy machine rolls that one back for its time, and the next has half as many.
        var (rounds, quiet) = (0, 0);
        for (; rounds < Rounds && quiet < QuietRounds; rounds++)
        {
            var before = await LargeStatementsAsync(router);
            await ReadByAllAsync(items, pk, "large");
            quiet = await LargeStatementsAsync(router) == before ? quiet + 1 : 0;
        }

        Assert.True(await ReadsAsync(router, "sum") >= Clients * rounds);
        Assert.True(quiet == QuietRounds, $"After {rounds} rounds there are still statements that ask for many large documents.");
        var afterLarge = await LargeStatementsAsync(router);
        for (var round = 0; round < 100 && await LargeStatementsAsync(router) == afterLarge; round++)
            await ReadByAllAsync(items, pk, "small");
        Assert.True(await LargeStatementsAsync(router) > afterLarge, "Small documents are not read together any more.");
    }

    private static Task ReadByAllAsync(ApiCollection items, string pk, string id) => Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => Eventually.ThatAsync(
        async () => (await items.GetAsync(pk, id, ("Request-Timeout", "30"))).Status == 200, TimeSpan.FromSeconds(30), "it is read"))); // a busy machine may miss a probe

    /// <summary>Those of more than the four documents of 900 KiB that fit in 4 MiB.</summary>
    private static async Task<double> LargeStatementsAsync(RouterProcess router) => await ReadsAsync(router, "count") - await ReadsAsync(router, "bucket", "le=\"4\"");

    private static async Task<double> ReadsAsync(RouterProcess router, string what, string label = "") => (await router.MetricsAsync()).Split('\n')
        .Where(line => line.StartsWith($"sharding_gather_size_{what}{{", StringComparison.Ordinal) && line.Contains("operation=\"read\"", StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
        .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
}
