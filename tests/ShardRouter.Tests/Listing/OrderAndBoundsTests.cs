using System.Globalization;
using System.Text;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Listing;

public sealed class OrderAndBoundsTests(RouterFixture fixture) : RouterTests(fixture)
{
    /// <summary>In bytewise order; U+E000 before 😀 is where UTF-16 would sort the other way.</summary>
    private static readonly string[] Ordered =
        [" ", "%", "10", "9", "A", "Z", "_", "a", "a/b", "aa", "ab", "b", "e\u0301", "z", "~", "\u00e9", "\ud7ff", "\ue000", "\uffff", "😀", "\U0010ffff"];

    [Fact]
    public async Task Items_come_in_bytewise_order_of_their_ids()
    {
        await SeedAsync();

        Assert.Equal(Ordered.OrderBy(Encoding.UTF8.GetBytes, Comparer<byte[]>.Create((x, y) => x.AsSpan().SequenceCompareTo(y))), Ordered);
        Assert.Equal(Ordered, (await Items.ListAsync("p")).Ids());
        Assert.Equal(Ordered, (await Items.ListAsync("p", "order=id.asc")).Ids());
        Assert.Equal(Ordered.Reverse(), (await Items.ListAsync("p", "order=id.desc")).Ids());
    }

    [Fact]
    public async Task The_envelope_tells_of_each_item_what_is_known_and_has_no_next_at_the_end()
    {
        var put = await Items.PutAsync("p", "x", """{"a":1}""");
        await Items.PutAsync("other", "y", "{}");

        var page = (await Items.ListAsync("p")).Expect(200);

        Assert.False(page.Json.TryGetProperty("next", out _));
        var item = Assert.Single(page.Json.GetProperty("items").EnumerateArray());
        Assert.Equal(["doc", "etag", "id", "pk", "updatedAt"], item.EnumerateObject().Select(member => member.Name).Order(StringComparer.Ordinal));
        Assert.Equal(put.ETag, item.GetProperty("etag").GetString());
        Assert.InRange(DateTimeOffset.Parse(item.GetProperty("updatedAt").GetString()!, CultureInfo.InvariantCulture), DateTimeOffset.UtcNow.AddMinutes(-2), DateTimeOffset.UtcNow.AddMinutes(1));
        JsonAssert.Equal("""{"a":1}""", item.GetProperty("doc"));
    }

    [Fact]
    public async Task A_partition_with_nothing_in_it_is_an_empty_list()
    {
        var page = (await Items.ListAsync("nothing")).Expect(200);

        JsonAssert.Equal("""{"items":[]}""", page.Json);
    }

    [Theory]
    [InlineData("id.gt=a", 8, 21)]
    [InlineData("id.gte=a", 7, 21)]
    [InlineData("id.lt=b", 0, 11)]
    [InlineData("id.lte=b", 0, 12)]
    [InlineData("id.gt=a&id.lt=b", 8, 11)]
    [InlineData("id.gte=a&id.lte=b", 7, 12)]
    [InlineData("id.gt=z&id.lt=a", 0, 0)]
    [InlineData("id.prefix=a", 7, 11)]
    [InlineData("id.prefix=a%2F", 8, 9)]
    [InlineData("id.prefix=%ED%9F%BF", 16, 17)]
    [InlineData("id.prefix=%EF%BF%BF", 18, 19)]
    [InlineData("id.prefix=%F4%8F%BF%BF", 20, 21)]
    [InlineData("id.prefix=%25", 1, 2)]
    [InlineData("id.prefix=_", 6, 7)]
    [InlineData("id.prefix=nothing", 0, 0)]
    [InlineData("id.prefix=a&id.gt=a", 8, 11)]
    [InlineData("id.gt=%F0%9F%98%80", 20, 21)]
    [InlineData("id.gt=a%2Fb&limit=1", 9, 10)]
    public async Task Bounds_cut_the_order(string query, int first, int end)
    {
        await SeedAsync();

        Assert.Equal(Ordered[first..end], (await Items.ListAsync("p", query)).Ids());
        Assert.Equal(
            Ordered[first..end].Reverse(),
            (await Items.ListAsync("p", query.Replace("&limit=1", "", StringComparison.Ordinal) + "&order=id.desc")).Ids().TakeLast(end - first));
    }

    [Theory]
    [InlineData("select=a", """{"a":1}""")]
    [InlineData("select=a,b.c", """{"a":1,"b":{"c":[10,{"d":20}]}}""")]
    [InlineData("select=b.c.1.d", """{"b":{"c":{"1":{"d":20}}}}""")]
    [InlineData("select=none", """{}""")]
    [InlineData("select=a.x", """{}""")]
    [InlineData("select=/x.y", """{"x.y":3}""")]
    [InlineData("select=n,b", """{"n":null,"b":{"c":[10,{"d":20}],"e":2}}""")]
    public async Task Select_cuts_documents_down(string query, string expected)
    {
        await Items.PutAsync("p", "x", """{"a":1,"b":{"c":[10,{"d":20}],"e":2},"x.y":3,"n":null}""");

        JsonAssert.Equal(expected, (await Items.ListAsync("p", query)).Expect(200).Json.GetProperty("items")[0].GetProperty("doc"));
    }

    private Task SeedAsync() => Pages.PutAllAsync(Items, "p", Ordered.Select(id => (id, "{}")));
}
