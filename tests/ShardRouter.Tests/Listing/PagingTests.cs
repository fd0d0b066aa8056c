using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Listing;

public sealed class PagingTests(RouterFixture fixture) : RouterTests(fixture)
{
    private const int Count = 1234;

    [Theory]
    [InlineData("limit=1000", 1000)]
    [InlineData("limit=617", 617)]
    [InlineData("", 100)]
    [InlineData("limit=99&order=id.desc", 99)]
    [InlineData("limit=7&id.gt=0100&id.lte=0200", 7)]
    public async Task Pages_give_each_item_exactly_once_in_order(string query, int limit)
    {
        var ids = Enumerable.Range(0, Count).Select(i => $"{i:0000}").ToArray();
        await Pages.PutAllAsync(Items, "p", ids.Select(id => (id, "{}")));
        await Items.PutAsync("neighbour", "0500x", "{}");

        var pages = await Pages.AllAsync(Items, "p", query);

        if (query.Contains("desc", StringComparison.Ordinal))
            Array.Reverse(ids);
        if (query.Contains("id.gt", StringComparison.Ordinal))
            ids = ids[101..201];
        Assert.Equal(ids, pages.SelectMany(page => page.Ids()));
        Assert.Equal((ids.Length + limit - 1) / limit, pages.Count);
        Assert.All(pages.SkipLast(1), page => Assert.Equal(limit, page.Ids().Length));
    }

    [Fact]
    public async Task What_comes_and_goes_between_pages_disturbs_no_other_item()
    {
        await Pages.PutAllAsync(Items, "p", Enumerable.Range(0, 30).Select(i => ($"{i:00}", "{}")));
        var first = await Items.ListAsync("p", "limit=10");

        await Items.DeleteAsync("p", "09"); // the very one at which the cursor stands
        await Items.DeleteAsync("p", "15");
        await Items.PutAsync("p", "05x", "{}");
        await Items.PutAsync("p", "25x", "{}");

        var rest = (await Items.ListAsync("p", "limit=1000&cursor=" + first.Next())).Ids();
        Assert.Equal(Enumerable.Range(10, 20).Select(i => $"{i:00}").Append("25x").Except(["15"]).Order(StringComparer.Ordinal), rest);
    }

    [Fact]
    public async Task A_page_ends_at_4_MiB_and_the_next_goes_on_there()
    {
        var big = $$"""{"text":"{{new string('x', 900_000)}}"}""";
        foreach (var i in Enumerable.Range(0, 12))
            (await Items.PutAsync("p", $"{i:00}", big)).Expect(201);

        var pages = await Pages.AllAsync(Items, "p", "limit=1000");

        Assert.Equal(Enumerable.Range(0, 12).Select(i => $"{i:00}"), pages.SelectMany(page => page.Ids()));
        Assert.All(pages, page => Assert.True(page.Body.Length <= 4 * 1024 * 1024, $"A page has {page.Body.Length} bytes."));
        Assert.Equal(3, pages.Count);
    }

    [Fact]
    public async Task Long_keys_count_as_a_part_of_the_page()
    {
        var pk = new string('\u0001', 1000);
        await Pages.PutAllAsync(Items, pk, Enumerable.Range(0, 700).Select(i => ($"{i:0000}" + new string('\u001f', 1000), "{}")));

        var pages = await Pages.AllAsync(Items, pk, "limit=1000");

        Assert.Equal(700, pages.SelectMany(page => page.Ids()).Distinct().Count());
        Assert.All(pages, page => Assert.True(page.Body.Length <= 4 * 1024 * 1024, $"A page has {page.Body.Length} bytes."));
    }

    [Fact]
    public async Task The_longest_id_fits_into_a_cursor_of_2_KB()
    {
        var ids = new[] { new string('a', 1024), new string('b', 1024), string.Concat(Enumerable.Repeat("😀", 256)) };
        await Pages.PutAllAsync(Items, "p", ids.Select(id => (id, "{}")));

        var pages = await Pages.AllAsync(Items, "p", "limit=1");

        Assert.Equal(ids, pages.SelectMany(page => page.Ids()));
        Assert.All(pages.SkipLast(1), page => Assert.InRange(page.Next()!.Length, 1, 2048));
    }
}
