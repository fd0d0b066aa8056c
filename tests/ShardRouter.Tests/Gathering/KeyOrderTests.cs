using System.Globalization;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>
/// Writes that are carried out alone, after their statement was rolled back, while later ones on the same keys come. The router has one connection for
/// single calls, and a write that waits for a row has it: so the others stand between their statement and their own call for as long as a test likes.
/// </summary>
public sealed class KeyOrderTests(OwnCluster own) : IClassFixture<OwnCluster>, IAsyncLifetime
{
    private static readonly (string, string) Patient = ("Request-Timeout", "30");
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private RouterProcess _router = null!;

    private SeededShard Shard => own.Cluster["s1"];

    private ApiCollection Items => new(_router.Api, own.Items.Name);

    public async ValueTask InitializeAsync() => _router = await own.Cluster.StartRouterAsync(("SHARDING_POOL_SIZE", "1"));

    [Theory]
    [InlineData(40)]
    [InlineData(41)]
    public async Task A_later_write_does_not_overtake_one_that_is_carried_out_alone_and_no_other_key_waits(int partition)
    {
        var pk = own.Cluster.PartitionOf("s1", partition);
        string[] ids = ["put", "patch", "condition"];
        await using var blocked = await BlockAsync(pk, ids);
        var firsts = await PutAloneAsync(pk, ids);

        var put = Items.PutAsync(pk, "put", """{"b":2}""", Patient);
        await WaitingAsync(1);
        var patchOfPut = Items.MergePatchAsync(pk, "put", """{"c":3}""", Patient);
        var patch = Items.MergePatchAsync(pk, "patch", """{"b":2}""", Patient);
        var condition = Items.PutAsync(pk, "condition", "{}", ("If-None-Match", "*"), Patient);
        await WaitingAsync(4);
        for (var i = 0; i < 5; i++)
            (await Items.PutAsync(pk, string.Create(CultureInfo.InvariantCulture, $"free{i}"), "{}")).Expect(201);
        Assert.All([put, patchOfPut, patch, condition, .. firsts], write => Assert.False(write.IsCompleted));
        await blocked.ReleaseAsync();

        var replies = await Task.WhenAll([.. firsts, put, patchOfPut, patch, condition]);
        Assert.Equal([200, 200, 200, 200, 200, 200, 412], replies.Select(reply => reply.Status));
        Assert.True(Version(replies[3].ETag) > Version(replies[0].ETag));
        Assert.True(Version(replies[4].ETag) > Version(replies[3].ETag));
        Assert.True(Version(replies[5].ETag) > Version(replies[1].ETag));
        Assert.Equal(replies[2].ETag, replies[6].Json.GetProperty("currentEtag").GetString());
        JsonAssert.Equal("""{"b":2,"c":3}""", (await Items.GetAsync(pk, "put")).Text);
        JsonAssert.Equal("""{"a":1,"b":2}""", (await Items.GetAsync(pk, "patch")).Text);
    }

    [Fact]
    public async Task A_write_whose_time_is_over_behind_an_earlier_one_is_certain_not_to_have_been_applied()
    {
        var pk = own.Cluster.PartitionOf("s1", 42);
        await using var blocked = await BlockAsync(pk, ["x"]);
        var first = (await PutAloneAsync(pk, ["x"]))[0];

        var later = Items.PutAsync(pk, "x", """{"b":2}""", ("Request-Timeout", "1"));
        await WaitingAsync(1);
        var reply = (await later).ExpectProblem(504, "deadline-exceeded");
        await blocked.ReleaseAsync();

        Assert.True(reply.Json.GetProperty("retryable").GetBoolean());
        Assert.False(reply.Json.TryGetProperty("outcome", out _));
        (await first).Expect(200);
        JsonAssert.Equal("""{"a":1}""", (await Items.GetAsync(pk, "x")).Text);
    }

    /// <summary>Makes the items, and a write that has the one connection until it gets its row.</summary>
    private async Task<HeldRow> BlockAsync(string pk, IEnumerable<string> ids)
    {
        foreach (var id in ids.Prepend("blocker"))
            await Eventually.ThatAsync(async () => (await Items.PutAsync(pk, id, """{"n":0}""")).Status is 200 or 201, Limit, "the new router writes");
        var row = await HeldRow.TakeAsync(Shard, Items, pk, "blocker");
        _ = Items.PutAsync(pk, "blocker", "{}", Patient);
        await Eventually.ThatAsync(async () => await LockedAsync() == 1, Limit, "the blocker has its connection and waits for its row");
        return row;
    }

    /// <summary>Writes that have failed in a statement, because of a row, and wait for the connection; their rows are free again.</summary>
    private async Task<Task<ApiReply>[]> PutAloneAsync(string pk, string[] ids)
    {
        var rows = await Task.WhenAll(ids.Select(id => HeldRow.TakeAsync(Shard, Items, pk, id)));
        var taken = await _router.MetricAsync("sharding_gather_size_sum", "operation=\"write\"");
        var writes = ids.Select(id => Items.PutAsync(pk, id, """{"a":1}""", Patient)).ToArray();
        // More may wait there than they do: expired items are deleted now and then, over the same connection.
        await Eventually.ThatAsync(
            async () => await _router.MetricAsync("sharding_gather_size_sum", "operation=\"write\"") == taken + ids.Length
                && await _router.MetricAsync("sharding_shard_pool_waiting", "shard=\"s1\"") >= ids.Length && await LockedAsync() == 1,
            Limit, "all have been in a statement and wait for the connection");
        foreach (var row in rows)
            await row.DisposeAsync();
        return writes;
    }

    /// <summary>Sessions of the router in which a statement waits for a row.</summary>
    private Task<long> LockedAsync() => Shard.Database.ScalarAsync<long>($"select count(*) from pg_stat_activity where application_name = 'router {_router.Id}' and datname = current_database() and wait_event_type = 'Lock'");

    private Task WaitingAsync(int count) => Eventually.ThatAsync(
        async () => await _router.MetricAsync("sharding_gather_waiting", "operation=\"write\"") == count, Limit, $"{count} wait behind earlier ones, and are counted");

    private static long Version(string etag) => long.Parse(etag.Trim('"'), CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _router.DisposeAsync();
    }
}
