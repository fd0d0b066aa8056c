using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Items;

public sealed class PutTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Fact]
    public async Task The_first_PUT_creates_and_the_next_replaces_under_a_new_entity_tag()
    {
        var created = (await Items.PutAsync("FR", "paris", """{"a":1,"b":2}""")).Expect(201);
        var replaced = (await Items.PutAsync("FR", "paris", """{"a":3}""")).Expect(200);

        Assert.NotEqual(created.ETag, replaced.ETag);
        Assert.Empty(created.Body);
        Assert.Empty(replaced.Body);
        var got = await Items.GetAsync("FR", "paris");
        JsonAssert.Equal("""{"a":3}""", got.Text);
        Assert.Equal(replaced.ETag, got.ETag);
    }

    [Fact]
    public async Task The_same_document_again_is_a_new_version() =>
        Assert.NotEqual((await Items.PutAsync("FR", "paris", "{}")).ETag, (await Items.PutAsync("FR", "paris", "{}")).ETag);

    [Theory]
    [InlineData("return=representation")]
    [InlineData("shard-route, Return=Representation")]
    public async Task Prefer_return_representation_sends_the_stored_document_back(string prefer)
    {
        var put = (await Items.PutAsync("FR", "paris", """{"b":2,"a":1}""", ("Prefer", prefer))).Expect(201);

        JsonAssert.Equal("""{"a":1,"b":2}""", put.Text);
        Assert.Equal("return=representation", put["Preference-Applied"]);
        Assert.Equal("application/json", put["Content-Type"]);
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"":""}""")]
    [InlineData("""{"text":"é 😀 \u0001 \\ \" / \ud83d\ude00"}""")]
    [InlineData("""{"deep":{"list":[1,[2,[3]],{"x":null}],"yes":true,"no":false}}""")]
    [InlineData("""{"numbers":[0,-0.0,1e10,1E-10,-1.5e+3,0.1000]}""")]
    [InlineData("""{"'; drop table item; --":"$1","a.b":1,"/":2,"~":3}""")]
    public async Task A_document_comes_back_as_it_was_sent(string document)
    {
        (await Items.PutAsync("FR", "x", document)).Expect(201);

        JsonAssert.Equal(document, (await Items.GetAsync("FR", "x")).Expect(200).Text);
    }

    [Fact]
    public async Task A_document_may_have_one_mebibyte_and_no_byte_more()
    {
        var fits = $$"""{"text":"{{new string('x', (1024 * 1024) - 11)}}"}""";
        Assert.Equal(1024 * 1024, fits.Length);

        (await Items.PutAsync("FR", "x", fits)).Expect(201);
        (await Items.PutAsync("FR", "x", fits + " ")).ExpectProblem(413, "too-large");

        Assert.Equal(fits.Length, (await Items.GetAsync("FR", "x")).Text.Replace(" ", "", StringComparison.Ordinal).Length);
    }

    [Fact]
    public async Task Items_of_one_id_in_other_partitions_or_collections_are_others()
    {
        (await Items.PutAsync("FR", "x", """{"n":1}""")).Expect(201);
        (await Items.PutAsync("DE", "x", """{"n":2}""")).Expect(201);
        var other = await TestCluster.ApiCollection.CreateAsync(Api);
        (await other.PutAsync("FR", "x", """{"n":3}""")).Expect(201);

        (await other.DeleteAsync("FR", "x")).Expect(204);

        Assert.Equal(1, (await Items.GetAsync("FR", "x")).Json.GetProperty("n").GetInt32());
        Assert.Equal(2, (await Items.GetAsync("DE", "x")).Json.GetProperty("n").GetInt32());
    }
}
