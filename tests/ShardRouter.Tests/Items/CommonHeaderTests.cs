using Npgsql;
using ShardCore.Ring;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Items;

public sealed class CommonHeaderTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Fact]
    public async Task Every_answer_has_a_request_id_and_a_server_timing()
    {
        await Items.PutAsync("FR", "x", "{}");
        var replies = new[]
        {
            await Items.GetAsync("FR", "x"), await Items.HeadAsync("FR", "x"), await Items.GetAsync("FR", "none"), await Items.PutAsync("FR", "x", "{"),
            await Items.ListAsync("FR"), await Items.DeleteAsync("FR", "x"), await Items.BatchGetAsync("""{"keys":[{"pk":"FR","id":"x"}]}"""),
            await Items.BatchWriteAsync("""{"ops":[{"op":"put","pk":"FR","id":"x","doc":{}}]}"""), await Api.PostAsync("/v1:locate", """{"pk":"FR"}"""),
            await Api.PostAsync("/v1:transact", $$"""{"pk":"FR","ops":[{"op":"check","collection":"{{Items.Name}}","id":"x"}]}"""),
            await Api.GetAsync("/v1/collections"), await Api.SendAsync("PUT", Items.Address, null), await Api.GetAsync("/openapi/v1.json"), await Api.GetAsync("/nowhere"), await Api.SendAsync("PATCH", "/v1/collections", null),
        };

        Assert.All(replies, reply => Assert.False(string.IsNullOrEmpty(reply["Request-Id"]), reply.ToString()));
        Assert.All(replies, reply => Assert.Matches("^[a-z]+;dur=[0-9.]+$", reply["Server-Timing"]));
        Assert.Equal(replies.Length, replies.Select(reply => reply["Request-Id"]).Distinct().Count());
    }

    [Fact]
    public async Task A_request_id_and_a_traceparent_of_the_client_come_back()
    {
        const string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

        foreach (var target in new[] { Items.AddressOf("FR", "none"), "/v1/collections", Items.AddressOf("FR") + "?limit=x" })
        {
            var reply = await Api.GetAsync(target, ("Request-Id", "mine-42"), ("traceparent", trace));
            Assert.Equal("mine-42", reply["Request-Id"]);
            Assert.Equal(trace, reply["traceparent"]);
        }
    }

    [Theory]
    [InlineData("with blank")]
    [InlineData("")]
    [InlineData("\u00c3\u00a9")] // é in UTF-8, byte by byte
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public async Task A_request_id_that_could_do_harm_is_replaced(string id)
    {
        var reply = await RawConnection.ExchangeAsync(Router.Url, $"GET /v1/collections HTTP/1.1\nHost: test\nRequest-Id: {id}\nConnection: close");

        Assert.Matches("^[0-9a-f]{32}$", reply.Expect(200)["Request-Id"]);
    }

    [Fact]
    public async Task Shard_Route_tells_the_way_only_to_whom_asks()
    {
        var reply = (await Items.PutAsync("FR", "x", "{}", ("Prefer", "shard-route"), ("Shard-Route", "shard=s9"))).Expect(201);

        var slot = SlotHash.Of("FR");
        Assert.Equal($"shard={Cluster.Ring.OwnerOf(slot).Id};slot={slot};epoch={Cluster.Ring.Epoch};router={Router.Id}", reply["Shard-Route"]);
        Assert.Null((await Items.GetAsync("FR", "x", ("Shard-Route", "shard=s9")))["Shard-Route"]);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("31")]
    [InlineData("soon")]
    [InlineData("1e1")]
    [InlineData("")]
    [InlineData("NaN")]
    public async Task A_deadline_that_is_none_is_refused(string seconds)
    {
        (await Items.GetAsync("FR", "x", ("Request-Timeout", seconds))).ExpectProblem(400, "invalid-header");
        (await Items.PutAsync("FR", "x", "{}", ("Request-Timeout", seconds))).ExpectProblem(400, "invalid-header");
        (await Items.GetAsync("FR", "x")).Expect(404);
    }

    [Fact]
    public async Task A_write_that_cannot_end_in_time_answers_504_and_was_not_applied()
    {
        var etag = (await Items.PutAsync("FR", "x", """{"a":1}""")).ETag;
        var owner = Cluster[Cluster.Ring.OwnerOf(SlotHash.Of("FR")).Id.Value];
        await using var connection = await owner.Database.DataSource.OpenConnectionAsync();
        await using var blocking = await connection.BeginTransactionAsync();
        await using (var held = new NpgsqlCommand($"select from sharding.item where collection = '{Items.Name}' for update", connection))
            await held.ExecuteNonQueryAsync();

        var reply = await Items.PutAsync("FR", "x", """{"a":2}""", ("Request-Timeout", "0.3"));

        reply.ExpectProblem(504, "deadline-exceeded");
        Assert.InRange(reply.Elapsed, TimeSpan.FromSeconds(0.25), TimeSpan.FromSeconds(4));
        await blocking.RollbackAsync();
        var applied = (await Items.GetAsync("FR", "x")).ETag != etag;
        var mayHaveLanded = reply.Json.TryGetProperty("outcome", out var outcome) && outcome.GetString() == "unknown";
        Assert.False(applied && !mayHaveLanded, "It said that nothing was applied.");
        Assert.Equal(!mayHaveLanded, reply.Json.GetProperty("retryable").GetBoolean());
    }

    [Fact]
    public async Task A_read_that_cannot_end_in_time_answers_504()
    {
        var pk = Cluster.PartitionOf("s1");
        await using var connection = await Cluster["s1"].Database.DataSource.OpenConnectionAsync();
        await using var blocking = await connection.BeginTransactionAsync();
        await using (var held = new NpgsqlCommand("lock sharding.slot_ownership in access exclusive mode", connection))
            await held.ExecuteNonQueryAsync();

        var reply = await Items.GetAsync(pk, "x", ("Request-Timeout", "0.3"));

        Assert.True(reply.ExpectProblem(504, "deadline-exceeded").Json.GetProperty("retryable").GetBoolean());
        Assert.InRange(reply.Elapsed.TotalSeconds, 0.25, 4);
        await blocking.RollbackAsync();
        (await Items.GetAsync(pk, "x")).ExpectProblem(404, "item-not-found");
    }
}
