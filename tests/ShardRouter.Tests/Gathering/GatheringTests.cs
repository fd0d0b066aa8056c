using System.Globalization;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>Many single operations at once: the router sends them to the shard together, and each must be as if it came alone.</summary>
public sealed class GatheringTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private const int Operations = 600;

    private ApiCollection Items => own.Items;

    [Theory]
    [InlineData(1)]
    [InlineData(2, Traits = ["Category", "Long"])]
    [InlineData(3, Traits = ["Category", "Long"])]
    public async Task Each_operation_gets_the_answer_that_it_would_get_alone(int seed)
    {
        var random = new Random(seed);
        var pk = own.Cluster.PartitionOf("s1", 30 + seed);
        var cases = Enumerable.Range(0, Operations).Select(i => OperationCase.Random(random, string.Create(CultureInfo.InvariantCulture, $"k{i}"))).ToArray();
        foreach (var one in cases.Where(one => one.Exists))
            one.ETag = (await Items.PutAsync(pk, one.Id, """{"n":1}""")).Expect(201).ETag;
        var (statements, operations) = await GatheredAsync();

        var replies = await Task.WhenAll(cases.Select(one => one.SendAsync(Items, pk)));

        for (var i = 0; i < cases.Length; i++)
            Assert.True(replies[i].Status == cases[i].ExpectedStatus && (cases[i].ExpectedCode is null || replies[i].Code == cases[i].ExpectedCode), $"{cases[i]}: {replies[i]}");
        foreach (var one in cases)
        {
            var stored = await Items.GetAsync(pk, one.Id);
            if (one.ExpectedDocument is { } document)
                JsonAssert.Equal(document, stored.Expect(200).Text);
            else
                stored.ExpectProblem(404, "item-not-found");
        }
        var (statementsAfter, operationsAfter) = await GatheredAsync();
        Assert.True(operationsAfter - operations > statementsAfter - statements, "Nothing was gathered: the test shows nothing.");
    }

    [Fact]
    public async Task Increments_of_one_item_by_many_clients_are_all_counted_once()
    {
        var pk = own.Cluster.PartitionOf("s2", 31);
        (await Items.PutAsync(pk, "sum", """{"n":0}""")).Expect(201);

        var acknowledged = await Task.WhenAll(Enumerable.Range(0, 32).Select(async _ =>
        {
            var count = 0;
            while (count < 20)
            {
                var read = (await Items.GetAsync(pk, "sum")).Expect(200);
                var next = read.Json.GetProperty("n").GetInt32() + 1;
                if ((await Items.PutAsync(pk, "sum", $$"""{"n":{{next}}}""", ("If-Match", read.ETag))).Status == 200)
                    count++;
                else if (count == 0 && next > 600)
                    break; // the others have been faster all the time; they counted
            }
            return count;
        }));

        Assert.Equal(acknowledged.Sum(), (await Items.GetAsync(pk, "sum")).Json.GetProperty("n").GetInt32());
    }

    [Fact]
    public async Task A_write_that_waits_for_a_row_delays_and_fails_no_neighbour()
    {
        var pk = own.Cluster.PartitionOf("s3", 32);
        (await Items.PutAsync(pk, "held", """{"n":1}""")).Expect(201);
        await using var row = await HeldRow.TakeAsync(own.Cluster["s3"], Items, pk, "held");

        // In the middle of its neighbours, so that they are gathered into one statement, on one partition as it is.
        var puts = Enumerable.Range(0, 100).Select(i => Items.PutAsync(pk, string.Create(CultureInfo.InvariantCulture, $"n{i}"), "{}")).ToList();
        var held = Items.PutAsync(pk, "held", """{"n":2}""");
        puts.AddRange(Enumerable.Range(100, 100).Select(i => Items.PutAsync(pk, string.Create(CultureInfo.InvariantCulture, $"n{i}"), "{}")));
        var neighbours = await Task.WhenAll(puts);
        var isHeld = !held.IsCompleted;
        await row.ReleaseAsync();

        Assert.All(neighbours, reply => Assert.Equal(201, reply.Status));
        Assert.All(neighbours, reply => Assert.InRange(reply.Elapsed.TotalSeconds, 0, 2.5));
        Assert.True(isHeld, "The write did not wait for the row: the test shows nothing.");
        (await held).Expect(200);
        JsonAssert.Equal("""{"n":2}""", (await Items.GetAsync(pk, "held")).Text);
    }

    [Fact]
    public async Task A_write_whose_time_is_over_while_it_waits_for_a_row_was_not_applied()
    {
        var pk = own.Cluster.PartitionOf("s3", 33);
        (await Items.PutAsync(pk, "held", """{"n":1}""")).Expect(201);
        await using var row = await HeldRow.TakeAsync(own.Cluster["s3"], Items, pk, "held");

        var reply = await Items.PutAsync(pk, "held", """{"n":2}""", ("Request-Timeout", "0.5"));
        await row.ReleaseAsync();

        Assert.Equal(504, reply.Status);
        JsonAssert.Equal("""{"n":1}""", (await Items.GetAsync(pk, "held")).Text);
    }

    private async Task<(double Statements, double Operations)> GatheredAsync() =>
        (await own.Router.MetricAsync("sharding_gather_size_count"), await own.Router.MetricAsync("sharding_gather_size_sum"));
}
