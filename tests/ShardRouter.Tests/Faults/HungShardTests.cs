using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>A server that takes connections and never answers: worse than one that is gone, because nothing says so.</summary>
[Collection(FaultTests.Name)]
public sealed class HungShardTests(ShardFaultCluster own) : IClassFixture<ShardFaultCluster>
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5); // what a request has unless it says otherwise
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(300);

    private SeededCluster Cluster => own.Cluster;

    private ApiCollection Items => own.Items;

    [Fact]
    public async Task No_request_outlasts_its_deadline_other_shards_do_not_notice_and_nothing_acknowledged_is_lost()
    {
        var (hung, others) = (Cluster.PartitionOf("s2"), new[] { Cluster.PartitionOf("s1"), Cluster.PartitionOf("s3") });
        await using var client = await ContinuousClient.StartAsync(Items, [hung, .. others]);

        await own.ServerOf("s2").PauseAsync();
        var paused = client.Now;
        await client.AnswersAsync(hung, 20);
        foreach (var pk in others)
            await client.AnswersAsync(pk, 40);
        await own.ServerOf("s2").ResumeAsync();
        await own.RecoversAsync("s2");
        await client.AnswersAsync(hung, 10);
        var exchanges = await client.StopAsync();

        Assert.All(exchanges, exchange => Assert.True(exchange.Took < Deadline + Grace, $"It outlasted its deadline: {exchange}"));
        var refused = exchanges.Where(exchange => exchange.Pk == hung && !exchange.Succeeded).ToList();
        Assert.All(refused, exchange => Assert.True(exchange.Status is 503 or 504, exchange.ToString()));
        Assert.True(refused.Count(exchange => exchange.Took <= Quick) >= 10, "The circuit did not open: no request was refused at once.");
        var neighbours = exchanges.Where(exchange => exchange.Pk != hung && exchange.AskedAt > paused).ToList();
        Assert.All(neighbours, exchange => Assert.True(exchange.Succeeded, exchange.ToString()));
        Assert.InRange(neighbours.Average(exchange => exchange.Took <= Quick ? 1.0 : 0), 0.95, 1);
        var stored = await own.IdsAsync("s2", hung);
        Assert.All(exchanges.Where(exchange => exchange is { Status: 201 } && exchange.Pk == hung), exchange => Assert.Contains(exchange.Written!, stored));
        Assert.All(exchanges.Where(exchange => exchange is { Status: 503, Written: not null } && exchange.Pk == hung), exchange => Assert.DoesNotContain(exchange.Written!, stored));
    }

    /// <summary>Nobody else looks at a write that a statement has taken: its worker has to let go of it, whatever time the client gave.</summary>
    [Fact]
    public async Task A_write_under_way_is_answered_after_five_seconds_even_if_the_client_would_wait_longer()
    {
        var pk = Cluster.PartitionOf("s2", 9);
        (await Items.PutAsync(pk, "x", "{}")).Expect(201);
        await own.ServerOf("s2").PauseAsync();

        var reply = await Items.PutAsync(pk, "x", """{"a":1}""", ("Request-Timeout", "25"));
        await own.ServerOf("s2").ResumeAsync();
        await own.RecoversAsync("s2");

        Assert.Equal("unknown", reply.ExpectProblem(504, "deadline-exceeded").Json.GetProperty("outcome").GetString());
        Assert.InRange(reply.Elapsed.TotalSeconds, 4.5, 8);
    }

    [Fact]
    public async Task A_short_deadline_is_kept_by_every_kind_of_request()
    {
        var pk = Cluster.PartitionOf("s3", 7);
        (await Items.PutAsync(pk, "x", "{}")).Expect(201);
        await own.ServerOf("s3").PauseAsync();
        (string, string) limit = ("Request-Timeout", "0.4");

        Task<ApiReply>[] asked =
        [
            Items.GetAsync(pk, "x", limit), Items.PutAsync(pk, "x", "{}", limit), Items.MergePatchAsync(pk, "x", "{}", limit), Items.DeleteAsync(pk, "y", limit),
            Items.Api.GetAsync(Items.AddressOf(pk), limit),
            Items.Api.PostAsync("/v1:transact", $$"""{"pk":"{{pk}}","ops":[{"op":"check","collection":"{{Items.Name}}","id":"x"}]}""", limit),
        ];
        var replies = await Task.WhenAll(asked);
        await own.ServerOf("s3").ResumeAsync();
        await own.RecoversAsync("s3");

        Assert.All(replies, reply => Assert.True(reply.Status is 503 or 504, reply.ToString()));
        Assert.All(replies, reply => Assert.InRange(reply.Elapsed.TotalSeconds, 0, 1.6));
    }
}
