using System.Globalization;
using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Items;

public sealed class ReadTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Fact]
    public async Task An_item_comes_with_its_document_entity_tag_and_time()
    {
        var put = (await Items.PutAsync("FR", "paris", """{"name":"Paris","population":2102650,"ratio":1.10,"big":123456789012345678901234567890}""")).Expect(201);

        var got = (await Items.GetAsync("FR", "paris")).Expect(200);

        JsonAssert.Equal("""{"name":"Paris","population":2102650,"ratio":1.10,"big":123456789012345678901234567890}""", got.Text);
        Assert.Equal("application/json", got["Content-Type"]);
        Assert.Equal(put.ETag, got.ETag);
        Assert.Matches("^\"[0-9]+\"$", got.ETag); // strong
        Assert.InRange(
            DateTimeOffset.ParseExact(got["Last-Modified"]!, "r", CultureInfo.InvariantCulture),
            DateTimeOffset.UtcNow.AddMinutes(-2), DateTimeOffset.UtcNow.AddMinutes(1));
        Assert.Null(got["Expires-At"]);
    }

    [Fact]
    public async Task HEAD_answers_as_GET_without_the_body()
    {
        (await Items.PutAsync("FR", "paris", """{"a":1}""", ("Item-TTL", "1000"))).Expect(201);
        var got = await Items.GetAsync("FR", "paris");

        var head = (await Items.HeadAsync("FR", "paris")).Expect(200);

        Assert.Empty(head.Body);
        foreach (var header in new[] { "ETag", "Last-Modified", "Expires-At", "Content-Type", "Content-Length" })
            Assert.Equal(got[header], head[header]);
    }

    [Fact]
    public async Task HEAD_of_nothing_is_404_without_a_body()
    {
        Assert.Empty((await Items.HeadAsync("FR", "none")).Expect(404).Body);
        Assert.Empty((await Api.SendAsync("HEAD", "/v1/collections/missing/items/a/b", null)).Expect(404).Body);
    }

    [Theory]
    [InlineData("{etag}", 304)]
    [InlineData("\"1\", {etag}", 304)]
    [InlineData("\"1\",{etag},\"foreign\"", 304)]
    [InlineData("W/{etag}", 304)]
    [InlineData("*", 304)]
    [InlineData("\"1\"", 200)]
    [InlineData("\"foreign\"", 200)]
    [InlineData("\"\"", 200)]
    public async Task If_None_Match_saves_sending_what_the_client_has(string ifNoneMatch, int status)
    {
        var etag = (await Items.PutAsync("FR", "paris", """{"a":1}""")).ETag;
        var header = ("If-None-Match", ifNoneMatch.Replace("{etag}", etag, StringComparison.Ordinal));

        foreach (var reply in new[] { await Items.GetAsync("FR", "paris", header), await Items.HeadAsync("FR", "paris", header) })
        {
            reply.Expect(status);
            Assert.Equal(etag, reply.ETag);
            Assert.NotNull(reply["Last-Modified"]);
            if (status == 304)
                Assert.Empty(reply.Body);
        }
    }

    [Fact]
    public async Task If_None_Match_does_not_turn_a_missing_item_into_304() =>
        (await Items.GetAsync("FR", "none", ("If-None-Match", "*"))).ExpectProblem(404, "item-not-found");

    [Fact]
    public async Task A_missing_item_and_a_missing_collection_are_told_apart()
    {
        (await Items.GetAsync("FR", "none")).ExpectProblem(404, "item-not-found");
        (await Items.DeleteAsync("FR", "none")).ExpectProblem(404, "item-not-found");
        (await Items.MergePatchAsync("FR", "none", "{}")).ExpectProblem(404, "item-not-found");

        const string missing = "/v1/collections/missing/items/FR";
        (await Api.GetAsync(missing + "/x")).ExpectProblem(404, "collection-not-found");
        (await Api.GetAsync(missing)).ExpectProblem(404, "collection-not-found");
        (await Api.PutAsync(missing + "/x", "{}")).ExpectProblem(404, "collection-not-found");
        (await Api.PostAsync(missing, "{}")).ExpectProblem(404, "collection-not-found");
        (await Api.SendAsync("DELETE", missing + "/x", null)).ExpectProblem(404, "collection-not-found");
        (await Api.SendJsonAsync("PATCH", missing + "/x", "{}", ("Content-Type", "application/merge-patch+json"))).ExpectProblem(404, "collection-not-found");
    }
}
