using System.Text.Json;
using TestCluster;

namespace ShardRouter.Tests.Sessions;

/// <summary>
/// The shard is to wait with each commit for a synchronous standby that is not there. Somebody cancels the wait: the write is
/// committed, and a failover would lose it.
/// </summary>
public sealed class UnconfirmedCommitTests(SharedRedis redis) : IAsyncLifetime
{
    private const string Waiting = "application_name like 'router %' and wait_event = 'SyncRep'";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private PostgresServer _server = null!;
    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;
    private string _pk = "";

    /// <summary>Those that write to a shard, each on an item that is there.</summary>
    public static TheoryData<string> Writes => ["put", "put if", "delete", "patch", "batchWrite", "batchWrite one", "transact", "collection"];

    public async ValueTask InitializeAsync()
    {
        // What the test itself does must not wait.
        _server = await PostgresProvider.Default.StartAsync(new PostgresOptions(Settings: ["synchronous_standby_names=ghost", "synchronous_commit=local"]));
        _cluster = await SeededCluster.CreateAsync([await _server.CreateDatabaseAsync()], await redis.ServerAsync());
        _pk = _cluster.PartitionOf("s1");
        var database = _cluster["s1"].Database;
        await database.ExecuteAsync("insert into sharding.collection (name) values ('c')");
        await database.ExecuteAsync($"insert into sharding.item (version, updated_at, slot, collection, pk, id, doc) values (1, now(), sharding.slot_of('{_pk}'), 'c', '{_pk}', 'x', '{{}}')");
        await _server.ExecuteAsync($"alter database {database.Name} set synchronous_commit = 'on'");
        _router = await _cluster.StartRouterAsync();
        _items = new ApiCollection(_router.Api, "c");
    }

    [Theory]
    [MemberData(nameof(Writes))]
    public async Task A_write_whose_wait_somebody_cancels_has_an_unknown_outcome(string write)
    {
        var reply = WriteAsync(write);
        await Eventually.ThatAsync(async () => await CancelAsync() > 0, Limit, "the write waits for the standby");

        AssertUnknown(await reply);
    }

    /// <summary>The router itself cancels the wait.</summary>
    [Theory]
    [MemberData(nameof(Writes))]
    public async Task A_write_whose_time_is_over_in_the_wait_has_an_unknown_outcome(string write) =>
        AssertUnknown(await WriteAsync(write, ("Request-Timeout", "1.5"))); // a busy machine may need some of it to connect

    /// <summary>A reader would build upon what a takeover loses: the commit goes on waiting, and nobody sees it.</summary>
    [Theory]
    [MemberData(nameof(Writes))]
    public async Task A_write_whose_time_is_over_in_the_wait_is_not_seen_by_anybody(string write)
    {
        AssertUnknown(await WriteAsync(write, ("Request-Timeout", "1.5")));
        await Task.Delay(TimeSpan.FromSeconds(2.5), TestContext.Current.CancellationToken); // for so long the router tries to stop a statement

        Assert.Equal("x 1", await _cluster["s1"].Database.ScalarAsync<string>("select string_agg(id || ' ' || version, ', ') from sharding.item"));
        Assert.Equal("c", await _cluster["s1"].Database.ScalarAsync<string>("select string_agg(name, ', ') from sharding.collection"));
        (await _items.GetAsync(_pk, "x")).Expect(200);
    }

    /// <summary>Waiting commits would take all connections that the server has. Those that are left at it are bounded, and reads go on.</summary>
    [Fact]
    public async Task When_many_commits_wait_further_writes_are_refused_and_reads_go_on_until_the_waits_end()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async i => (await InsertAsync($"i{i}", ("Request-Timeout", "3"))).Expect(504)));

        (await InsertAsync("j")).ExpectProblem(503, "shard-unavailable");
        (await _items.GetAsync(_pk, "x")).Expect(200);

        await CancelAsync(); // as if the standby had come back: the waits end
        await Eventually.ThatAsync(
            async () => (await InsertAsync("j", ("Request-Timeout", "1.5"))).Status == 504, Limit, "writes are taken again, and wait like the first ones");
    }

    /// <summary>The same for writes that are gathered: each statement that is given up leaves a session behind.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task When_gathered_commits_wait_for_long_they_do_not_take_all_connections()
    {
        string[] keys = [_pk, Enumerable.Range(1, 100).Select(i => _cluster.PartitionOf("s1", i)).First(IsInOtherLane)];
        var id = 0;
        for (var end = DateTime.UtcNow.AddSeconds(45); DateTime.UtcNow < end; id++)
            await Task.WhenAll(keys.Select(pk => _items.PutAsync(pk, $"g{id}", "{}", ("Request-Timeout", "1"))));

        Assert.InRange(await _cluster["s1"].Database.ScalarAsync<long>($"select count(*) from pg_stat_activity where {Waiting}"), 1, 12);
        (await _items.PutAsync(_pk, "h", "{}")).ExpectProblem(503, "shard-unavailable");
        (await _items.GetAsync(_pk, "x")).Expect(200);

        await CancelAsync(); // as if the standby had come back: the waits end
        await Eventually.ThatAsync(
            async () => (await _items.PutAsync(_pk, "h", "{}", ("Request-Timeout", "1.5"))).Status == 504, Limit, "writes are taken again");

        bool IsInOtherLane(string pk) =>
            (ShardCore.Ring.SlotHash.Of(pk).Value - ShardCore.Ring.SlotHash.Of(_pk).Value) % 2 != 0;
    }

    /// <summary>It did not wait, so it says nothing of a commit.</summary>
    [Fact]
    public async Task A_read_is_answered()
    {
        (await _items.GetAsync(_pk, "x")).Expect(200);
        (await _items.ListAsync(_pk)).Expect(200);
    }

    private Task<ApiReply> WriteAsync(string write, params (string, string)[] headers) => write switch
    {
        "put" => _items.PutAsync(_pk, "x", """{"a":1}""", headers),
        "put if" => _items.PutAsync(_pk, "x", """{"a":1}""", [.. headers, ("If-Match", "*")]),
        "delete" => _items.DeleteAsync(_pk, "x", headers),
        "patch" => _items.MergePatchAsync(_pk, "x", """{"a":1}""", headers),
        "batchWrite" => _router.Api.PostAsync(_items.Address + ":batchWrite", $$"""{"ops":[{"op":"put","pk":"{{_pk}}","id":"x","doc":{} },{"op":"put","pk":"{{_pk}}","id":"y","doc":{} }]}""", headers),
        "batchWrite one" => _router.Api.PostAsync(_items.Address + ":batchWrite", $$"""{"ops":[{"op":"put","pk":"{{_pk}}","id":"x","doc":{} }]}""", headers),
        "transact" => _router.Api.PostAsync("/v1:transact", $$"""{"pk":"{{_pk}}","ops":[{"op":"increment","collection":"c","id":"x","path":"n","by":1}]}""", headers),
        _ => _router.Api.SendAsync("PUT", "/v1/collections/new", null, headers),
    };

    private Task<ApiReply> InsertAsync(string id, params (string, string)[] headers) =>
        _router.Api.PostAsync("/v1:transact", $$"""{"pk":"{{_pk}}","ops":[{"op":"put","collection":"c","id":"{{id}}","doc":{} }]}""", headers);

    private Task<long> CancelAsync() => _cluster["s1"].Database.ScalarAsync<long>($"select count(pg_cancel_backend(pid)) from pg_stat_activity where {Waiting}");

    private static void AssertUnknown(ApiReply reply)
    {
        if (reply.Status == 207)
        {
            var results = reply.Json.GetProperty("results").EnumerateArray().ToArray();
            Assert.All(results, result => AssertUnknown(result.GetProperty("error")));
            return;
        }
        AssertUnknown(reply.Expect(504).Json);
    }

    private static void AssertUnknown(JsonElement problem)
    {
        Assert.Equal(504, problem.GetProperty("status").GetInt32());
        Assert.True(problem.TryGetProperty("outcome", out var outcome), problem.GetRawText());
        Assert.Equal("unknown", outcome.GetString());
    }

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
        await _server.DisposeAsync();
    }
}
