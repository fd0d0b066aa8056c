using System.Globalization;
using ShardCore.Ring;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Listing;

/// <summary>A filter that keeps next to nothing of a partition that cannot be searched within one request.</summary>
public sealed class LongSearchTests(RouterFixture fixture) : RouterTests(fixture)
{
    private const int Count = 400;

    /// <summary>The whole search takes several times as long: each filter unpacks each document anew.</summary>
    private const string Timeout = "1";

    private static readonly string Filters = string.Concat(Enumerable.Repeat("f.n=gte.0&", 9)) + "f.n=gte.398";

    [Theory]
    [InlineData("", "398 399", Traits = ["Category", "Long"])]
    [InlineData("&order=id.desc", "399 398")]
    [InlineData("&limit=1", "398 399", Traits = ["Category", "Long"])]
    [InlineData("&id.lt=398", "", Traits = ["Category", "Long"])]
    public async Task It_ends_in_pages_and_finds_everything_once(string query, string expected)
    {
        await FillAsync();

        var found = new List<string>();
        var pages = 0;
        string? cursor = null;
        do
        {
            var page = await PageAsync($"{Items.AddressOf("p")}?{Filters}{query}{(cursor is null ? "" : "&cursor=" + cursor)}");
            found.AddRange(page.Ids());
            cursor = page.Next();
            Assert.True(++pages < 1000, "The pages never end.");
        }
        while (cursor is not null);

        Assert.Equal(expected, string.Join(' ', found));
        Assert.True(pages > 2, $"{pages} pages: the partition was too small for this test.");
    }

    /// <summary>On a busy machine the time may be over before one document was looked at. The same page is asked for again then.</summary>
    private async Task<ApiReply> PageAsync(string target)
    {
        var page = await Api.GetAsync(target, ("Request-Timeout", Timeout));
        for (var again = 0; again < 10 && page.Status == 504; again++)
            page = await Api.GetAsync(target, ("Request-Timeout", Timeout));
        return page;
    }

    /// <summary>Documents that take long to unpack: each has 1 MB when it is read, and little where it is stored.</summary>
    private async Task FillAsync()
    {
        (await Items.PutAsync("p", "000", """{"n":0}""")).Expect(201);
        var slot = SlotHash.Of("p");
        await Cluster[Cluster.Ring.OwnerOf(slot).Id.Value].Database.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $$"""
            insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
            select 1, now(), {{slot.Value}}, '{{Items.Name}}', 'p', lpad(n::text, 3, '0'), jsonb_build_object('n', n, 'text', repeat('x', 1000000))
            from generate_series(1, {{Count - 1}}) n
            """));
    }
}
