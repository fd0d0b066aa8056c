using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>Something between router and shard forgets connections without a word: what is sent on them reaches nobody.</summary>
public sealed class SilentLineTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private const int Clients = 12; // more than the pool's 8 sessions
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2.5); // longer than a session is trusted without a look

    private TcpRelay _relay = null!;
    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;

    public async ValueTask InitializeAsync()
    {
        var database = await postgres.CreateShardAsync();
        _relay = new TcpRelay(database.Host, database.Port);
        _cluster = await SeededCluster.CreateAsync([database], await redis.ServerAsync(), _ => _relay.Port);
        _router = await _cluster.StartRouterAsync();
        _items = await ApiCollection.CreateAsync(_router.Api);
        (await _items.PutAsync("FR", "x", """{"a":1}""")).Expect(201);
    }

    [Fact]
    public async Task Connections_that_were_forgotten_while_nobody_used_them_are_replaced_and_no_call_fails()
    {
        await BurstAsync();
        await Task.Delay(Quiet, TestContext.Current.CancellationToken);

        _relay.FallSilent();
        _relay.MendForNewLines();

        await BurstAsync();
        Assert.Equal(0, await _router.MetricAsync("sharding_shard_pool_in_use"));
    }

    [Fact]
    public async Task A_line_that_was_cut_holds_no_permit_once_it_is_back()
    {
        await BurstAsync();
        _relay.FallSilent();
        var refused = await Task.WhenAll(Calls(("Request-Timeout", "1")));
        Assert.All(refused, reply => Assert.True(reply.Status is 503 or 504 or 207, reply.ToString()));

        _relay.MendForNewLines();

        await Eventually.ThatAsync(async () => (await _items.GetAsync("FR", "x")).Status == 200, TimeSpan.FromSeconds(10), "the shard is served again");
        await BurstAsync();
        await Eventually.ThatAsync(async () => await _router.MetricAsync("sharding_shard_pool_in_use") == 0, TimeSpan.FromSeconds(10), "all permits are back");
    }

    /// <summary>Once it was answered "the shard does not answer", now and then.</summary>
    [Fact]
    public async Task A_request_whose_time_is_over_while_a_connection_is_opened_is_told_so()
    {
        _relay.FallSilent();

        var replies = await Task.WhenAll(Enumerable.Range(1, 40).Select(i => _items.Api.GetAsync(_items.AddressOf("FR"), ("Request-Timeout", $"0.{i:00}"))));

        Assert.All(replies, reply => reply.ExpectProblem(504, "deadline-exceeded"));
    }

    /// <summary>Once it was answered "unknown", and then sent: whoever read, found nothing and repeated it, had it twice.</summary>
    [Fact]
    public async Task A_write_whose_time_is_over_before_it_is_sent_is_not_applied_and_never_sent()
    {
        await Task.Delay(Quiet, TestContext.Current.CancellationToken);
        _relay.FallSilent();

        var reply = await _items.PutAsync("FR", "late", "{}", ("Request-Timeout", "0.3"));
        var all = await Task.WhenAll(Calls(("Request-Timeout", "0.3"), id: "late"));
        _relay.MendForNewLines();

        Assert.All([reply, .. all], each => Assert.DoesNotContain("unknown", each.Text, StringComparison.Ordinal));
        await Eventually.ThatAsync(async () => (await _items.GetAsync("FR", "x")).Status == 200, TimeSpan.FromSeconds(10), "the shard is served again");
        await Task.Delay(Quiet, TestContext.Current.CancellationToken);
        (await _items.GetAsync("FR", "late")).Expect(404);
    }

    private async Task BurstAsync() =>
        Assert.All((await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => Task.WhenAll(Calls(("Request-Timeout", "10")))))).SelectMany(replies => replies), reply => Assert.True(reply.Status == 200, reply.ToString()));

    private Task<ApiReply>[] Calls((string, string) limit, string id = "x") =>
    [
        _items.GetAsync("FR", "x", limit),
        _items.PutAsync("FR", id, """{"a":1}""", limit),
        _items.Api.GetAsync(_items.AddressOf("FR"), limit),
        _items.Api.PostAsync(_items.Address + ":batchGet", """{"keys":[{"pk":"FR","id":"x"}]}""", limit),
        _items.Api.PostAsync(_items.Address + ":batchWrite", $$"""{"ops":[{"op":"put","doc":{},"pk":"FR","id":"{{id}}"}]}""", limit),
        _items.Api.PostAsync("/v1:transact", $$"""{"pk":"FR","ops":[{"op":"put","doc":{},"collection":"{{_items.Name}}","id":"{{id}}"}]}""", limit),
    ];

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
        await _relay.DisposeAsync();
    }
}
