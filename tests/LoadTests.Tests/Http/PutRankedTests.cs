using System.Text;
using System.Text.Json;
using LoadTests.Benches;
using LoadTests.Http;

namespace LoadTests.Tests.Http;

public sealed class PutRankedTests
{
    private static readonly RankedItems Items = RankedItems.Default with { Collection = "bare" };

    [Fact]
    public void It_gives_an_item_another_rank_and_leaves_it_in_its_group()
    {
        var put = new PutRanked(Items);
        var buffer = new byte[HttpConnection.SmallRequest];

        var texts = Enumerable.Range(0, 20).Select(_ => Encoding.ASCII.GetString(buffer, 0, put.Write(buffer, 1_000_205))).ToArray();

        var ranks = texts.Select(text =>
        {
            Assert.StartsWith("PUT /v1/collections/bare/items/1000205/1000205 HTTP/1.1\r\n", text, StringComparison.Ordinal);
            var parts = text.Split("\r\n\r\n");
            Assert.EndsWith(FormattableString.Invariant($"\r\nContent-Length: {parts[1].Length}"), parts[0], StringComparison.Ordinal);
            var document = JsonDocument.Parse(parts[1]).RootElement;
            Assert.Equal(1_000_205, document.GetProperty("n").GetInt32());
            Assert.Equal("g05", document.GetProperty("group").GetString());
            return document.GetProperty("rank").GetInt32();
        }).ToArray();
        Assert.All(ranks, rank => Assert.InRange(rank, RankedItems.First, Items.Last));
        Assert.True(ranks.Distinct().Count() > 10);
    }
}
