using System.Globalization;
using ShardCore.Ring;
using ShardRouter.Tests.Gathering;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Items;

public sealed class ExpiryTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Fact]
    public async Task An_item_is_visible_until_its_expiry_and_invisible_from_then_on()
    {
        var put = (await Items.PutAsync("FR", "x", """{"a":1}""", ("Item-TTL", "1"))).Expect(201);
        var expiresAt = ExpiryOf(put);

        ApiReply? last = null;
        await Eventually.ThatAsync(
            async () =>
            {
                var (before, reply, after) = (DateTimeOffset.UtcNow, await Items.GetAsync("FR", "x"), DateTimeOffset.UtcNow);
                Assert.False(reply.Status == 404 && after < expiresAt.AddMilliseconds(-1), "It went before its time.");
                Assert.False(reply.Status == 200 && before > expiresAt.AddMilliseconds(1), "It was there after its time.");
                last = reply;
                return reply.Status == 404;
            },
            TimeSpan.FromSeconds(10), "the item expires");
        last!.ExpectProblem(404, "item-not-found");
    }

    [Fact]
    public async Task A_PUT_that_waited_for_the_row_lives_its_whole_time_after_the_answer()
    {
        var before = (await Items.PutAsync("FR", "x", "{}")).Expect(201)["Last-Modified"];
        var owner = Cluster[Cluster.Ring.OwnerOf(SlotHash.Of("FR")).Id.Value];
        await using var held = await HeldRow.TakeAsync(owner, Items, "FR", "x");

        var putting = Items.PutAsync("FR", "x", """{"a":1}""", ("Item-TTL", "2"));
        await Task.Delay(TimeSpan.FromSeconds(3));
        var releasedAt = DateTimeOffset.UtcNow;
        await held.ReleaseAsync();
        var put = (await putting).Expect(200);

        Assert.True(ExpiryOf(put) >= releasedAt.AddSeconds(1.8), $"Released at {releasedAt:O}, expires at {ExpiryOf(put):O}.");
        Assert.True(DateTimeOffset.Parse(put["Last-Modified"]!, CultureInfo.InvariantCulture) >= DateTimeOffset.Parse(before!, CultureInfo.InvariantCulture));
        Assert.Equal(put["Expires-At"], (await Items.GetAsync("FR", "x")).Expect(200)["Expires-At"]);
    }

    [Fact]
    public async Task Expires_At_tells_the_time_that_Item_TTL_asked_for()
    {
        var put = (await Items.PutAsync("FR", "x", "{}", ("Item-TTL", "100"))).Expect(201);

        Assert.InRange(ExpiryOf(put), DateTimeOffset.UtcNow.AddSeconds(80), DateTimeOffset.UtcNow.AddSeconds(101));
        Assert.Equal(put["Expires-At"], (await Items.GetAsync("FR", "x"))["Expires-At"]);
    }

    [Fact]
    public async Task A_PUT_ends_the_expiry_and_a_PATCH_keeps_it_unless_they_set_it()
    {
        var first = ExpiryOf(await Items.PutAsync("FR", "x", "{}", ("Item-TTL", "100")));
        Assert.Equal(first, ExpiryOf((await Items.MergePatchAsync("FR", "x", """{"a":1}""")).Expect(200)));
        Assert.True(ExpiryOf((await Items.MergePatchAsync("FR", "x", """{"a":1}""", ("Item-TTL", "1000"))).Expect(200)) > first.AddSeconds(500));
        Assert.Null((await Items.PutAsync("FR", "x", "{}")).Expect(200)["Expires-At"]);
        Assert.Null((await Items.GetAsync("FR", "x")).Expect(200)["Expires-At"]);
    }

    [Fact]
    public async Task An_expired_item_is_gone_for_every_kind_of_request()
    {
        foreach (var id in new[] { "get", "patch", "delete", "match", "batch" })
            await PutExpiredAsync(id);

        (await Items.GetAsync("FR", "get")).ExpectProblem(404, "item-not-found");
        (await Items.HeadAsync("FR", "get")).Expect(404);
        (await Items.MergePatchAsync("FR", "patch", "{}")).ExpectProblem(404, "item-not-found");
        (await Items.DeleteAsync("FR", "delete")).ExpectProblem(404, "item-not-found");
        Assert.False((await Items.PutAsync("FR", "match", "{}", ("If-Match", "*"))).ExpectProblem(412, "precondition-failed").Json.TryGetProperty("currentEtag", out _));
        Assert.Empty((await Items.ListAsync("FR")).Expect(200).Json.GetProperty("items").EnumerateArray());
        Assert.Equal(404, (await Items.BatchGetAsync("""{"keys":[{"pk":"FR","id":"batch"}]}""")).Expect(207).Json.GetProperty("results")[0].GetProperty("status").GetInt32());
        (await Api.PostAsync("/v1:transact", $$"""{"pk":"FR","ops":[{"op":"check","collection":"{{Items.Name}}","id":"batch"}]}""")).ExpectProblem(404, "item-not-found");
    }

    [Fact]
    public async Task A_PUT_on_an_expired_item_creates_it_anew()
    {
        var plain = await PutExpiredAsync("plain");
        var conditional = await PutExpiredAsync("conditional");

        Assert.NotEqual(plain, (await Items.PutAsync("FR", "plain", "{}")).Expect(201).ETag);
        Assert.NotEqual(conditional, (await Items.PutAsync("FR", "conditional", "{}", ("If-None-Match", "*"))).Expect(201).ETag);
    }

    [Fact]
    public async Task An_increment_on_an_expired_item_begins_at_zero()
    {
        await PutExpiredAsync("counter", """{"n":41,"old":true}""");

        (await Api.PostAsync("/v1:transact", $$"""{"pk":"FR","ops":[{"op":"increment","collection":"{{Items.Name}}","id":"counter","path":"n","by":1}]}""")).Expect(200);

        JsonAssert.Equal("""{"n":1}""", (await Items.GetAsync("FR", "counter")).Expect(200).Text);
    }

    [Fact]
    public async Task An_entity_tag_never_comes_back_after_deleting_and_creating_again()
    {
        var seen = new HashSet<string>();
        for (var i = 0; i < 20; i++)
        {
            Assert.True(seen.Add((await Items.PutAsync("FR", "x", "{}")).Expect(201).ETag));
            (await Items.DeleteAsync("FR", "x")).Expect(204);
        }
        foreach (var old in seen)
            (await Items.PutAsync("FR", "x", "{}", ("If-Match", old))).ExpectProblem(412, "precondition-failed");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("1.5")]
    [InlineData("1e3")]
    [InlineData("soon")]
    [InlineData("")]
    [InlineData("316224001")]
    [InlineData("2147483648")]
    [InlineData("99999999999999999999")]
    [InlineData("1, 2")]
    public async Task A_TTL_that_is_none_is_refused(string ttl)
    {
        (await Items.PutAsync("FR", "x", "{}", ("Item-TTL", ttl))).ExpectProblem(400, "invalid-header");
        (await Items.MergePatchAsync("FR", "x", "{}", ("Item-TTL", ttl))).ExpectProblem(400, "invalid-header");
        (await Items.PostAsync("FR", "{}", ("Item-TTL", ttl))).ExpectProblem(400, "invalid-header");
        (await Items.GetAsync("FR", "x")).Expect(404);
    }

    [Fact]
    public async Task The_longest_TTL_is_ten_years() =>
        Assert.True(ExpiryOf((await Items.PutAsync("FR", "x", "{}", ("Item-TTL", "316224000"))).Expect(201)) > DateTimeOffset.UtcNow.AddYears(9));

    private async Task<string> PutExpiredAsync(string id, string document = "{}")
    {
        var etag = (await Items.PutAsync("FR", id, document, ("Item-TTL", "1000"))).Expect(201).ETag;
        var owner = Cluster[Cluster.Ring.OwnerOf(SlotHash.Of("FR")).Id.Value];
        await owner.Database.ExecuteAsync($"update sharding.item set expires_at = clock_timestamp() where collection = '{Items.Name}' and id = '{id}'");
        return etag;
    }

    private static DateTimeOffset ExpiryOf(ApiReply reply) =>
        DateTimeOffset.Parse(reply["Expires-At"] ?? throw new InvalidOperationException($"No Expires-At: {reply}"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
