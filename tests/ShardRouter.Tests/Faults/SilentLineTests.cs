using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>Something between router and shard forgets connections without a word: what is sent on them reaches nobody.</summary>
public sealed class SilentLineTests(SharedPostgres postgres, SharedRedis redis) : RelayedRouterTests(postgres, redis)
{
    private const int Clients = 12; // more than the pool's 8 sessions
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2.5); // longer than a session is trusted without a look

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        (await Items.PutAsync("FR", "x", """{"a":1}""")).Expect(201);
    }

    [Fact]
    public async Task Connections_that_were_forgotten_while_nobody_used_them_are_replaced_and_no_call_fails()
    {
        await BurstAsync();
        await Task.Delay(Quiet, TestContext.Current.CancellationToken);

        Relay.FallSilent();
        Relay.MendForNewLines();

        await BurstAsync();
        Assert.Equal(0, await Router.MetricAsync("sharding_shard_pool_in_use"));
    }

    [Fact]
    public async Task A_line_that_was_cut_holds_no_permit_once_it_is_back()
    {
        await BurstAsync();
        Relay.FallSilent();
        var refused = await Task.WhenAll(Calls(("Request-Timeout", "1")));
        Assert.All(refused, reply => Assert.True(reply.Status is 503 or 504 or 207, reply.ToString()));

        Relay.MendForNewLines();

        await Eventually.ThatAsync(async () => (await Items.GetAsync("FR", "x")).Status == 200, TimeSpan.FromSeconds(10), "the shard is served again");
        await BurstAsync();
        await Eventually.ThatAsync(async () => await Router.MetricAsync("sharding_shard_pool_in_use") == 0, TimeSpan.FromSeconds(10), "all permits are back");
    }

    /// <summary>Once it was answered "the shard does not answer", now and then.</summary>
    [Fact]
    public async Task A_request_whose_time_is_over_while_a_connection_is_opened_is_told_so()
    {
        Relay.FallSilent();

        var replies = await Task.WhenAll(Enumerable.Range(1, 40).Select(i => Items.Api.GetAsync(Items.AddressOf("FR"), ("Request-Timeout", $"0.{i:00}"))));

        Assert.All(replies, reply => reply.ExpectProblem(504, "deadline-exceeded"));
    }

    /// <summary>Once it was answered "unknown", and then sent: whoever read, found nothing and repeated it, had it twice.</summary>
    [Fact]
    public async Task A_write_whose_time_is_over_before_it_is_sent_is_not_applied_and_never_sent()
    {
        await Task.Delay(Quiet, TestContext.Current.CancellationToken);
        Relay.FallSilent();

        var reply = await Items.PutAsync("FR", "late", "{}", ("Request-Timeout", "0.3"));
        var all = await Task.WhenAll(Calls(("Request-Timeout", "0.3"), id: "late"));
        Relay.MendForNewLines();

        Assert.All([reply, .. all], each => Assert.DoesNotContain("unknown", each.Text, StringComparison.Ordinal));
        await Eventually.ThatAsync(async () => (await Items.GetAsync("FR", "x")).Status == 200, TimeSpan.FromSeconds(10), "the shard is served again");
        await Task.Delay(Quiet, TestContext.Current.CancellationToken);
        (await Items.GetAsync("FR", "late")).Expect(404);
    }

    private async Task BurstAsync() =>
        Assert.All((await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => Task.WhenAll(Calls(("Request-Timeout", "10")))))).SelectMany(replies => replies), reply => Assert.True(reply.Status == 200, reply.ToString()));

    private Task<ApiReply>[] Calls((string, string) limit, string id = "x") =>
    [
        Items.GetAsync("FR", "x", limit),
        Items.PutAsync("FR", id, """{"a":1}""", limit),
        Items.Api.GetAsync(Items.AddressOf("FR"), limit),
        Items.Api.PostAsync(Items.Address + ":batchGet", """{"keys":[{"pk":"FR","id":"x"}]}""", limit),
        Items.Api.PostAsync(Items.Address + ":batchWrite", $$"""{"ops":[{"op":"put","doc":{},"pk":"FR","id":"{{id}}"}]}""", limit),
        Items.Api.PostAsync("/v1:transact", $$"""{"pk":"FR","ops":[{"op":"put","doc":{},"collection":"{{Items.Name}}","id":"{{id}}"}]}""", limit),
    ];
}
