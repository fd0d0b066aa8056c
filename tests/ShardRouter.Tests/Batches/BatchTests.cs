using System.Text.Json;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Batches;

public sealed class BatchTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Fact]
    public async Task A_hundred_operations_over_all_shards_answer_in_the_order_of_the_request()
    {
        var keys = Enumerable.Range(0, 100).Select(i => (Pk: Cluster.PartitionOf($"s{(i % 3) + 1}", i / 3), Id: $"i{99 - i:00}")).ToArray();

        var written = await WriteAsync(keys.Select((key, i) => $$"""{"op":"put","pk":"{{key.Pk}}","id":"{{key.Id}}","doc":{"n":{{i}} } }"""));
        var read = await Items.BatchGetAsync($$"""{"keys":[{{string.Join(',', keys.Select(key => $$"""{"pk":"{{key.Pk}}","id":"{{key.Id}}"}"""))}}]}""");

        written.Expect(200);
        read.Expect(200);
        for (var i = 0; i < keys.Length; i++)
        {
            var (put, got) = (Result(written, i), Result(read, i));
            Assert.Equal((201, keys[i].Pk, keys[i].Id), (put.GetProperty("status").GetInt32(), put.GetProperty("pk").GetString(), put.GetProperty("id").GetString()));
            Assert.Equal((200, keys[i].Pk, keys[i].Id), (got.GetProperty("status").GetInt32(), got.GetProperty("pk").GetString(), got.GetProperty("id").GetString()));
            Assert.Equal(put.GetProperty("etag").GetString(), got.GetProperty("etag").GetString());
            Assert.Equal(i, got.GetProperty("doc").GetProperty("n").GetInt32());
        }
        foreach (var shard in Cluster.Shards)
            Assert.InRange(await shard.Database.ScalarAsync<long>($"select count(*) from sharding.item where collection = '{Items.Name}'"), 33, 34);
    }

    [Fact]
    public async Task Each_operation_succeeds_or_fails_for_itself()
    {
        var etag = (await Items.PutAsync("a", "old", """{"n":1}""")).ETag;

        var reply = await WriteAsync(
        [
            """{"op":"put","pk":"a","id":"new","doc":{"n":1}}""",
            """{"op":"put","pk":"a","id":"old","doc":{"n":2},"ifNoneMatch":"*"}""",
            """{"op":"patch","pk":"b","id":"none","doc":{"n":2}}""",
            """{"op":"patch","pk":"a","id":"old","doc":[{"op":"test","path":"/n","value":7}]}""",
            """{"op":"patch","pk":"a","id":"old","doc":{"m":3}}""",
            """{"op":"delete","pk":"c","id":"none"}""",
            $$"""{"op":"put","pk":"a","id":"old","doc":{"n":3},"ifMatch":{{JsonSerializer.Serialize(etag)}}}""",
            """{"op":"put","pk":"a","id":"gone","doc":{},"ttl":1000}""",
            """{"op":"delete","pk":"a","id":"gone","ifMatch":"*"}""",
        ]);

        reply.Expect(207);
        Assert.Equal([201, 412, 404, 422, 200, 404, 412, 201, 204], Statuses(reply));
        Assert.Equal("- precondition-failed item-not-found invalid-patch - item-not-found precondition-failed - -", Codes(reply));
        Assert.Equal(etag, Result(reply, 1).GetProperty("error").GetProperty("currentEtag").GetString());
        Assert.Equal(Result(reply, 4).GetProperty("etag").GetString(), Result(reply, 6).GetProperty("etag").GetString());
        Assert.False(Result(reply, 8).TryGetProperty("etag", out _));
        JsonAssert.Equal("""{"n":1,"m":3}""", (await Items.GetAsync("a", "old")).Text);
        (await Items.GetAsync("a", "new")).Expect(200);
        (await Items.GetAsync("a", "gone")).Expect(404);
    }

    [Fact]
    public async Task Operations_on_one_key_happen_in_the_order_of_the_request()
    {
        var reply = await WriteAsync(
        [
            """{"op":"put","pk":"a","id":"x","doc":{"n":1}}""",
            """{"op":"patch","pk":"a","id":"x","doc":{"m":2}}""",
            """{"op":"delete","pk":"a","id":"x"}""",
            """{"op":"put","pk":"a","id":"x","doc":{"k":3},"ifNoneMatch":"*"}""",
            """{"op":"put","pk":"a","id":"x","doc":{},"ifNoneMatch":"*"}""",
        ]);

        Assert.Equal([201, 200, 204, 201, 412], Statuses(reply));
        JsonAssert.Equal("""{"k":3}""", (await Items.GetAsync("a", "x")).Text);
    }

    [Fact]
    public async Task One_key_may_be_asked_for_many_times()
    {
        await Items.PutAsync("a", "x", """{"n":1}""");

        var reply = (await Items.BatchGetAsync("""{"keys":[{"pk":"a","id":"x"},{"pk":"a","id":"none"},{"pk":"a","id":"x"},{"pk":"a","id":"x"}]}""")).Expect(207);

        Assert.Equal([200, 404, 200, 200], Statuses(reply));
        JsonAssert.Equal("""{"n":1}""", Result(reply, 3).GetProperty("doc"));
    }

    [Fact]
    public async Task Batches_that_overlap_in_opposite_orders_all_end()
    {
        var forward = Enumerable.Range(0, 60).Select(i => $$"""{"op":"patch","pk":"p{{i % 20}}","id":"x{{i / 20}}","doc":{"n":1} }""").ToArray();
        (await WriteAsync(forward.Select(op => op.Replace("patch", "put", StringComparison.Ordinal)))).Expect(200);

        var replies = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => WriteAsync(i % 2 == 0 ? forward : forward.Reverse())));

        Assert.All(replies, reply => reply.Expect(200));
    }

    [Fact]
    public async Task A_batch_for_a_collection_that_is_missing_is_404_as_a_whole()
    {
        (await Api.PostAsync("/v1/collections/missing:batchGet", """{"keys":[{"pk":"a","id":"x"}]}""")).ExpectProblem(404, "collection-not-found");
        (await Api.PostAsync("/v1/collections/missing:batchWrite", """{"ops":[{"op":"put","pk":"a","id":"x","doc":{}},{"op":"delete","pk":"b","id":"x"}]}""")).ExpectProblem(404, "collection-not-found");
    }

    [Fact]
    public async Task Documents_up_to_the_limit_of_the_body_travel_in_one_batch()
    {
        var text = new string('x', 500_000);

        (await WriteAsync(Enumerable.Range(0, 8).Select(i => $$"""{"op":"put","pk":"p{{i}}","id":"x","doc":{"text":"{{text}}"} }"""))).Expect(200);

        var read = await Items.BatchGetAsync($$"""{"keys":[{{string.Join(',', Enumerable.Range(0, 8).Select(i => $$"""{"pk":"p{{i}}","id":"x"}"""))}}]}""");
        Assert.All(read.Expect(200).Json.GetProperty("results").EnumerateArray(), result => Assert.Equal(text.Length, result.GetProperty("doc").GetProperty("text").GetString()!.Length));
    }

    [Fact]
    public async Task Locate_tells_where_a_partition_lives()
    {
        foreach (var pk in new[] { "FR", "a/b", "é😀", Cluster.PartitionOf("s1"), Cluster.PartitionOf("s2"), Cluster.PartitionOf("s3") })
        {
            var slot = ShardCore.Ring.SlotHash.Of(pk);
            JsonAssert.Equal($$"""{"slot":{{slot}},"shard":"{{Cluster.Ring.OwnerOf(slot).Id}}","epoch":{{Cluster.Ring.Epoch}}}""", await Router.LocateAsync(pk));
            Assert.Equal((short)slot.Value, await Cluster["s1"].Database.ScalarAsync<short>($"select sharding.slot_of('{pk}')"));
        }
    }

    private Task<ApiReply> WriteAsync(IEnumerable<string> operations) => Items.BatchWriteAsync($$"""{"ops":[{{string.Join(',', operations)}}]}""");

    private static JsonElement Result(ApiReply reply, int index) => reply.Json.GetProperty("results")[index];

    private static int[] Statuses(ApiReply reply) => [.. reply.Json.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("status").GetInt32())];

    private static string Codes(ApiReply reply) => string.Join(
        ' ', reply.Json.GetProperty("results").EnumerateArray().Select(result => result.TryGetProperty("error", out var error) ? error.GetProperty("code").GetString() : "-"));
}
