using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>The shard commits, and its answer does not arrive: the connection breaks first.</summary>
public sealed class LostAnswerTests(SharedPostgres postgres, SharedRedis redis) : RelayedRouterTests(postgres, redis)
{
    private string _pk = "";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _pk = Cluster.PartitionOf("s1");
    }

    [Fact]
    public async Task A_put_is_told_as_unknown_and_a_condition_tells_that_it_is_there()
    {
        await LoseAnswerAsync(() => Items.PutAsync(_pk, "x", """{"n":1}""", ("If-None-Match", "*")), "doc = '{\"n\":1}'");

        var stored = await StoredAsync();
        Assert.Equal("{\"n\": 1}", stored.Text);
        var again = await Items.PutAsync(_pk, "x", """{"n":1}""", ("If-None-Match", "*"));
        Assert.Equal(stored.ETag, again.ExpectProblem(412, "precondition-failed").Json.GetProperty("currentEtag").GetString());
    }

    [Fact]
    public async Task A_transaction_is_told_as_unknown_and_never_repeated()
    {
        var increment = $$"""{"pk":"{{_pk}}","ops":[{"op":"increment","collection":"{{Items.Name}}","id":"x","path":"n","by":1}]}""";
        await ServedAsync();
        (await Router.Api.PostAsync("/v1:transact", increment)).Expect(200);

        await LoseAnswerAsync(() => Router.Api.PostAsync("/v1:transact", increment), "doc ->> 'n' = '2'");

        Assert.Equal("{\"n\": 2}", (await StoredAsync()).Text);
    }

    /// <summary>Writes and loses the answer; it must be told as unknown.</summary>
    /// <param name="applied">Of the item, in SQL: it was committed.</param>
    private async Task LoseAnswerAsync(Func<Task<ApiReply>> write, string applied)
    {
        await ServedAsync();
        Relay.SwallowAnswers();
        var reply = write();
        await Eventually.ThatAsync(
            async () => await Cluster["s1"].Database.ScalarAsync<long>($"select count(*) from sharding.item where pk = '{_pk}' and id = 'x' and {applied}") == 1,
            TimeSpan.FromSeconds(4), "the shard has committed");
        Relay.CutAndMend();

        var problem = (await reply).ExpectProblem(504, "deadline-exceeded").Json;
        Assert.Equal("unknown", problem.GetProperty("outcome").GetString());
        Assert.False(problem.GetProperty("retryable").GetBoolean());
    }

    /// <summary>By a write with a condition: its connection is then there, and the statement that others with one use is prepared.</summary>
    private Task ServedAsync() => Eventually.ThatAsync(
        async () => (await Items.PutAsync(_pk, "warm", "{}", ("If-None-Match", "\"1\""))).Status is 200 or 201, TimeSpan.FromSeconds(20), "the shard is served");

    private async Task<ApiReply> StoredAsync()
    {
        await ServedAsync();
        return await Items.GetAsync(_pk, "x");
    }
}
