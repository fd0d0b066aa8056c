using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Items;

public sealed class PostTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory]
    [InlineData("FR")]
    [InlineData("a/b")]
    [InlineData("a%2Fb")]
    [InlineData("..")]
    [InlineData("é 😀 ")]
    [InlineData("?#&")]
    public async Task The_location_of_a_posted_item_can_be_used_as_it_is(string pk)
    {
        var posted = (await Items.PostAsync(pk, """{"a":1}""")).Expect(201);

        var got = (await Api.GetAsync(posted["Location"]!)).Expect(200);
        Assert.Equal(posted.ETag, got.ETag);
        var item = Assert.Single((await Items.ListAsync(pk)).Json.GetProperty("items").EnumerateArray());
        Assert.Equal(pk, item.GetProperty("pk").GetString());
    }

    [Fact]
    public async Task Ids_made_by_the_server_are_UUIDs_of_version_7_that_sort_by_time()
    {
        var locations = new List<string>();
        for (var i = 0; i < 5; i++)
            locations.Add((await Items.PostAsync("FR", "{}")).Expect(201)["Location"]!);

        var ids = locations.Select(location => Guid.Parse(location[(location.LastIndexOf('/') + 1)..])).ToList();
        Assert.All(ids, id => Assert.Equal(7, id.Version));
        Assert.Equal(5, ids.Distinct().Count());
        var times = ids.Select(id => id.ToString()[..13]).ToList();
        Assert.Equal(times.Order(StringComparer.Ordinal), times);
    }

    [Fact]
    public async Task A_posted_item_may_expire_and_come_back_in_the_answer()
    {
        var posted = (await Items.PostAsync("FR", """{"a":1}""", ("Item-TTL", "100"), ("Prefer", "return=representation"))).Expect(201);

        Assert.NotNull(posted["Expires-At"]);
        JsonAssert.Equal("""{"a":1}""", posted.Text);
    }

    [Fact]
    public async Task A_query_in_the_address_is_no_part_of_the_location()
    {
        var posted = (await Api.PostAsync(Items.AddressOf("FR") + "?", "{}")).Expect(201);

        Assert.Matches("^/v1/collections/[a-z0-9]+/items/FR/[0-9a-f-]{36}$", posted["Location"]!);
    }
}
