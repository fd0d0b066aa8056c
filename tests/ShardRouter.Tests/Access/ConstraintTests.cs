using System.Text.Json;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Access;

/// <summary>What a key may not touch it can neither read, nor change, nor count, whatever the request looks like.</summary>
public sealed class ConstraintTests(GuardedCluster guarded) : IClassFixture<GuardedCluster>, IAsyncLifetime
{
    private ApiCollection _all = null!;
    private ApiClient _tenant = null!;
    private ApiCollection _own = null!;

    public async ValueTask InitializeAsync()
    {
        _all = await ApiCollection.CreateAsync(guarded.Admin);
        _tenant = await guarded.ClientAsync(partitions: ["t1:*", "shared"]);
        _own = new ApiCollection(_tenant, _all.Name);
        foreach (var pk in new[] { "t1:a", "t2:a", "shared" })
            (await _all.PutAsync(pk, "i", $$"""{"of":"{{pk}}","n":0}""")).Expect(201);
    }

    public ValueTask DisposeAsync()
    {
        _tenant.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_batch_reads_what_is_allowed_and_finds_nothing_else()
    {
        var reply = (await _own.BatchGetAsync("""{"keys":[{"pk":"t2:a","id":"i"},{"pk":"t1:a","id":"i"},{"pk":"t1:a","id":"none"},{"pk":"shared","id":"i"}]}""")).Expect(207);

        Assert.Equal([404, 200, 404, 200], Statuses(reply));
        Assert.Equal("t1:a", Results(reply)[1].GetProperty("doc").GetProperty("of").GetString());
        Assert.Equal("item-not-found", Results(reply)[0].GetProperty("error").GetProperty("code").GetString());
        Assert.DoesNotContain("\"of\":\"t2:a\"", reply.Text.Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        var nothing = (await _own.BatchGetAsync("""{"keys":[{"pk":"t2:a","id":"i"},{"pk":"t2:b","id":"i"}]}""")).Expect(207);
        Assert.Equal([404, 404], Statuses(nothing));
    }

    [Fact]
    public async Task A_batch_writes_what_is_allowed_and_nothing_else()
    {
        var reply = (await _own.BatchWriteAsync(
            """
            {"ops":[{"op":"put","pk":"t2:a","id":"i","doc":{"stolen":1}},{"op":"put","pk":"t1:a","id":"b","doc":{}},
                    {"op":"patch","pk":"t2:a","id":"i","doc":{"stolen":1}},{"op":"delete","pk":"t2:a","id":"i"},{"op":"put","pk":"t3:a","id":"new","doc":{}}]}
            """)).Expect(207);

        Assert.Equal([403, 201, 404, 404, 403], Statuses(reply));
        Assert.Equal("partition-not-allowed", Results(reply)[0].GetProperty("error").GetProperty("code").GetString());
        var nothing = (await _own.BatchWriteAsync("""{"ops":[{"op":"put","pk":"t2:a","id":"i","doc":{}}]}""")).Expect(207);
        Assert.Equal([403], Statuses(nothing));
        Setup.JsonAssert.Equal("""{"of":"t2:a","n":0}""", (await _all.GetAsync("t2:a", "i")).Expect(200).Json);
        (await _all.GetAsync("t3:a", "new")).ExpectProblem(404, "item-not-found");
    }

    [Fact]
    public async Task A_list_of_partitions_has_only_those_that_are_allowed_and_its_cursors_tell_no_others()
    {
        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = (await _tenant.GetAsync($"{_all.Address}/partitions?limit=1{(cursor is null ? "" : "&cursor=" + cursor)}")).Expect(200);
            seen.AddRange(page.Json.GetProperty("items").EnumerateArray().Select(each => each.GetProperty("pk").GetString()!));
            cursor = page.Json.TryGetProperty("next", out var next) ? next.GetString() : null;
            if (cursor is not null)
                Assert.DoesNotContain("t2:a", System.Text.Encoding.Latin1.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(cursor)), StringComparison.Ordinal);
        }
        while (cursor is not null);

        Assert.Equal(["shared", "t1:a"], seen.Order(StringComparer.Ordinal));
        Assert.Equal(0, (await _tenant.GetAsync($"{_all.Address}/partitions?prefix=t2")).Expect(200).Json.GetProperty("items").GetArrayLength());
    }

    /// <summary>
    /// The items of others come first in the index, and passing all of them takes longer than the request may. The search gives what it has
    /// in time, and goes on from there.
    /// </summary>
    [Fact]
    public async Task A_search_past_items_of_others_ends_in_time_and_comes_to_its_own()
    {
        var all = await ApiCollection.CreateAsync(guarded.Admin);
        (await all.IndexAsync("by_n", """[{"path":"n"}]""")).Expect(200);
        foreach (var shard in guarded.Cluster.Shards)
            await shard.Database.ExecuteAsync($$"""
                insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
                select 1, now(), slot, '{{all.Name}}', pk, 'i', '{"n":1}'
                from (select 't2:' || n as pk, sharding.slot_of('t2:' || n) as slot from generate_series(1, 150000) n) made
                join sharding.slot_ownership using (slot) where state = 'owned';
                """);
        (await all.PutAsync("t1:a", "last", """{"n":2}""")).Expect(201);

        var (found, pages, late, cursor) = (new List<string>(), 0, 0, (string?)null);
        while (true)
        {
            var page = await _tenant.PostAsync(
                all.Address + ":query", """{"filter":{"n":{"gte":1}}""" + (cursor is null ? "}" : $",\"cursor\":\"{cursor}\"}}"), ("Request-Timeout", "0.3"));
            if (page.Status == 504 && ++late < 50)
                continue; // a busy machine
            found.AddRange(page.Expect(200).Json.GetProperty("items").EnumerateArray().Select(each => each.GetProperty("id").GetString()!));
            (cursor, pages) = (page.Next(), pages + 1);
            if (cursor is null)
                break;
        }

        Assert.Equal(["last"], found);
        Assert.True(pages > 1, "All items were passed in one page: this shows nothing.");
    }

    [Fact]
    public async Task A_key_for_certain_partitions_asks_only_the_shards_that_have_them()
    {
        using var one = await guarded.ClientAsync(partitions: ["shared"]);

        var page = (await one.PostAsync(_all.Address + ":query", """{"filter":{"n":{"eq":0}},"allowScan":true}""")).Expect(200);
        var count = (await one.PostAsync(_all.Address + ":count", """{"allowScan":true}""")).Expect(200);
        var scan = (await one.GetAsync(_all.Address + "/items?scope=all")).Expect(200);

        Assert.Equal("shared", page.Json.GetProperty("items")[0].GetProperty("pk").GetString());
        Assert.Equal(1, page.Json.GetProperty("items").GetArrayLength());
        Assert.Equal(1, count.Json.GetProperty("count").GetInt64());
        Assert.Equal(1, scan.Json.GetProperty("items").GetArrayLength());
        foreach (var answer in new[] { page, count, scan })
            Assert.Equal(1, answer.Json.GetProperty("fanOut").GetProperty("shards").GetArrayLength());
    }

    [Fact]
    public async Task A_scan_has_only_the_items_that_are_allowed_and_its_cursors_tell_no_others()
    {
        var seen = new List<string>();
        foreach (var segment in new[] { "1/2", "2/2" })
            for (string? cursor = null; ;)
            {
                var page = (await _tenant.GetAsync($"{_all.Address}/items?scope=all&segment={segment}&limit=1{(cursor is null ? "" : "&cursor=" + cursor)}")).Expect(200);
                Assert.DoesNotContain("t2:a", page.Text, StringComparison.Ordinal);
                seen.AddRange(page.Json.GetProperty("items").EnumerateArray().Select(each => each.GetProperty("pk").GetString()!));
                cursor = page.Json.TryGetProperty("next", out var next) ? next.GetString() : null;
                if (cursor is null)
                    break;
                Assert.DoesNotContain("t2:a", System.Text.Encoding.Latin1.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(cursor)), StringComparison.Ordinal);
            }

        Assert.Equal(["shared", "t1:a"], seen.Order(StringComparer.Ordinal));
        (await _tenant.SendJsonAsync("QUERY", _all.Address + "/items", """{"partition":"t2:a"}""")).Expect(200);
        Assert.DoesNotContain("t2:a", (await _tenant.SendJsonAsync("QUERY", _all.Address + "/items", "{}")).Expect(200).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Statistics_of_all_partitions_tell_nothing_of_what_others_have()
    {
        foreach (var shard in guarded.Cluster.Shards)
            await shard.Database.ExecuteAsync($"analyze sharding_items.\"{_all.Name}\"");
        const string filter = """{"count":"estimated","filter":{"of":{"eq":"t2:a"}}}""";

        foreach (var address in new[] { _all.Address + ":count", _all.Address + ":query" })
            (await _tenant.PostAsync(address, filter)).ExpectProblem(400, "invalid-json");
        Assert.InRange((await _tenant.PostAsync(_all.Address + ":count", """{"count":"estimated"}""")).Expect(200).Json.GetProperty("count").GetInt32(), 0, 10);
        Assert.Equal(0, (await _tenant.PostAsync(_all.Address + ":count", """{"count":"estimated","partition":"t2:a"}""")).Expect(200).Json.GetProperty("count").GetInt32());
        (await _tenant.PostAsync(_all.Address + ":count", """{"count":"estimated","id":{"gte":"z"}}""")).ExpectProblem(400, "invalid-json");
        (await _tenant.PostAsync(_all.Address + ":count", """{"count":"estimated","filter":{"n":{"eq":1}}}""")).ExpectProblem(400, "invalid-json");
    }

    [Fact]
    public async Task A_partition_of_others_is_not_deleted()
    {
        var reply = (await _tenant.SendAsync("DELETE", _all.AddressOf("t2:a"), null)).Expect(200);

        Assert.Equal(0, reply.Json.GetProperty("deleted").GetInt32());
        (await _all.GetAsync("t2:a", "i")).Expect(200);
    }

    [Fact]
    public async Task A_transaction_stays_in_its_partition_and_its_collections()
    {
        using var narrow = await guarded.ClientAsync(collections: [_all.Name], partitions: ["t1:*"]);
        var other = await ApiCollection.CreateAsync(guarded.Admin);

        (await _tenant.PostAsync("/v1:transact", Transaction("t1:a", _all.Name))).Expect(200);
        (await _tenant.PostAsync("/v1:transact", Transaction("t2:a", _all.Name))).ExpectProblem(403, "partition-not-allowed");
        var hidden = (await narrow.PostAsync("/v1:transact", Transaction("t1:a", _all.Name, other.Name))).ExpectProblem(404, "collection-not-found");
        Assert.Equal(1, hidden.Json.GetProperty("failedOp").GetInt32());

        Assert.Equal(1, (await _all.GetAsync("t1:a", "i")).Json.GetProperty("n").GetInt32());
        Assert.Equal(0, (await _all.GetAsync("t2:a", "i")).Json.GetProperty("n").GetInt32());
        (await guarded.Admin.GetAsync(other.AddressOf("t1:a", "i"))).ExpectProblem(404, "item-not-found");
    }

    [Fact]
    public async Task A_cursor_does_not_lead_out_of_the_partitions_that_are_allowed()
    {
        foreach (var pk in new[] { "t1:list", "t2:list" })
            for (var i = 0; i < 5; i++)
                (await _all.PutAsync(pk, $"i{i}", "{}")).Expect(201);
        var page = (await _own.ListAsync("t1:list", "limit=2")).Expect(200);
        var own = page.Json.GetProperty("next").GetString();
        var others = (await _all.ListAsync("t2:list", "limit=2")).Expect(200).Json.GetProperty("next").GetString();

        Assert.Equal(2, (await _own.ListAsync("t1:list", $"limit=2&cursor={own}")).Expect(200).Json.GetProperty("items").GetArrayLength());
        foreach (var cursor in new[] { own, others })
        {
            var reply = (await _own.ListAsync("t2:list", $"limit=2&cursor={cursor}")).Expect(200);
            Assert.Equal("""{"items":[]}""", reply.Text.Replace("\n", "", StringComparison.Ordinal));
        }
        (await _own.ListAsync("t1:list", $"limit=2&cursor={others}")).ExpectProblem(400, "invalid-cursor");
    }

    [Fact]
    public async Task Only_the_callers_collections_are_listed_and_others_are_as_if_they_were_not_there()
    {
        var hidden = await ApiCollection.CreateAsync(guarded.Admin);
        using var narrow = await guarded.ClientAsync(collections: [_all.Name, "planned"]);

        var listed = (await narrow.GetAsync("/v1/collections")).Expect(200).Json.GetProperty("collections").EnumerateArray();
        Assert.Equal(_all.Name, Assert.Single(listed).GetProperty("name").GetString());
        (await narrow.GetAsync(hidden.Address)).ExpectProblem(404, "collection-not-found");
        (await narrow.PutAsync(hidden.AddressOf("p", "i"), "{}")).ExpectProblem(404, "collection-not-found");
        (await narrow.SendAsync("PUT", "/v1/collections/planned", null)).Expect(201);
        (await narrow.SendAsync("PUT", "/v1/collections/else", null)).ExpectProblem(403, "collection-not-allowed");
        (await narrow.SendAsync("PUT", hidden.Address, null)).ExpectProblem(403, "collection-not-allowed");
    }

    [Fact]
    public async Task Who_may_write_and_not_read_gets_no_document_back()
    {
        using var writer = await guarded.ClientAsync(["items:write"]);
        var items = new ApiCollection(writer, _all.Name);
        var wanting = ("Prefer", "return=representation");

        (await items.PutAsync("t1:a", "w", "{}")).Expect(201);
        foreach (var reply in new[] { await items.PutAsync("t1:a", "w", "{}", wanting), await items.MergePatchAsync("t1:a", "i", "{}", wanting), await items.PostAsync("t1:a", "{}", wanting) })
        {
            reply.ExpectProblem(403, "insufficient-scope");
            Assert.Equal("Bearer error=\"insufficient_scope\", scope=\"items:read\"", reply["WWW-Authenticate"]);
            Assert.Contains("items:read", reply.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }
        (await items.PutAsync("t1:a", "w", "{}", ("Prefer", "shard-route"))).Expect(200);
    }

    [Theory]
    [InlineData("t2%3Aa", 404)]
    [InlineData("%74%32%3Aa", 404)]
    [InlineData("t1%3Aa", 200)]
    [InlineData("%74%31%3Aa", 200)]
    [InlineData("T1%3Aa", 404)]
    [InlineData("t1%3Aa%2F..%2Ft2%3Aa", 404)]
    public async Task A_partition_is_compared_as_it_is_stored_however_it_is_spelt(string pk, int status) =>
        (await _tenant.GetAsync($"{_own.Address}/items/{pk}/i")).Expect(status);

    private static string Transaction(string pk, params string[] collections) => JsonSerializer.Serialize(new
    {
        pk,
        ops = collections.Select(collection => (object)new { op = "increment", collection, id = "i", path = "n", by = 1 }),
    });

    private static JsonElement[] Results(ApiReply reply) => [.. reply.Json.GetProperty("results").EnumerateArray()];

    private static int[] Statuses(ApiReply reply) => [.. Results(reply).Select(result => result.GetProperty("status").GetInt32())];
}
