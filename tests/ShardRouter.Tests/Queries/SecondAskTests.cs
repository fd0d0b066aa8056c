using System.Globalization;
using ShardCore.Ring;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Queries;

/// <summary>
/// Nearly all items of a page are in one shard, whose share of the page is too small for them: it is asked a second time, and things happen
/// between the two times.
/// </summary>
public sealed class SecondAskTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private const int Many = 180; // of the first shard: v is 10, 20, …
    private const int Few = 5; // of the second one, behind all others
    private const int Limit = 100;

    /// <summary>The first time must not take more than a quarter of it.</summary>
    private static readonly (string, string) Patience = ("Request-Timeout", "6");

    private static readonly TimeSpan Meanwhile = TimeSpan.FromSeconds(1);

    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;
    private string _manyKey = "";

    public async ValueTask InitializeAsync()
    {
        _cluster = await SeededCluster.CreateAsync(postgres, redis, 2);
        _router = await _cluster.StartRouterAsync();
        _items = await ApiCollection.CreateAsync(_router.Api);
        (await _items.IndexAsync("by_v", """[{"path":"v"}]""")).Expect(200);
        var keys = Enumerable.Range(0, 1000).Select(i => string.Create(CultureInfo.InvariantCulture, $"k{i}")).ToArray();
        _manyKey = keys.First(key => SlotHash.Of(key).Value < 1000);
        await PutAsync(_manyKey, 1, Many / 2);
        await PutAsync(_manyKey, (Many / 2) + 1, Many / 2);
        await PutAsync(keys.First(key => SlotHash.Of(key).Value > Slot.Count - 1000), 10_001, Few);
    }

    [Fact]
    public async Task Pages_are_full_and_have_every_item_once()
    {
        var (first, next) = await PageAsync(null);
        var (second, end) = await PageAsync(next);

        Assert.Equal((Limit, Many + Few - Limit, (string?)null), (first.Length, second.Length, end));
        Assert.Equal(Enumerable.Range(1, Many).Concat(Enumerable.Range(10_001, Few)), first.Concat(second).Select(Number));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task If_the_second_time_fails_the_page_has_what_the_first_gave_and_a_cursor(bool isPartial)
    {
        var page = await AskWhileItFailsAsync(isPartial);
        for (var tries = 0; !IsWhole(page) && tries < 3; tries++)
            page = await AskWhileItFailsAsync(isPartial); // the machine was so busy that the first time had not ended yet
        Assert.True(IsWhole(page), page.Text);
        var first = IdsOf(page);
        Assert.InRange(first.Length, Limit / 2, Limit - 1);
        var all = first.ToList();
        for (var next = page.Next(); next is not null;)
        {
            (var more, next) = await PageAsync(next);
            all.AddRange(more);
        }
        Assert.Equal(Enumerable.Range(1, Many).Concat(Enumerable.Range(10_001, Few)), all.Select(Number));
    }

    private static bool IsWhole(ApiReply page) => page.Status == 200 && page.Json.GetProperty("fanOut").GetProperty("complete").GetBoolean();

    /// <summary>The second shard holds the first time up, until the table of the first one is locked.</summary>
    private async Task<ApiReply> AskWhileItFailsAsync(bool isPartial)
    {
        await using var late = await HeldTable.TakeAsync(_cluster.Shards[1], _items);
        var asking = _items.Api.PostAsync(_items.Address + ":query", Query(null), isPartial ? [Patience, ("Prefer", "partial-results")] : [Patience]);
        await Task.Delay(Meanwhile);
        await using var held = await HeldTable.TakeAsync(_cluster.Shards[0], _items);
        await late.ReleaseAsync();
        await asking;
        await held.ReleaseAsync();
        return await asking;
    }

    [Fact]
    public async Task An_item_that_goes_behind_meanwhile_is_in_the_page_once()
    {
        await using var late = await HeldTable.TakeAsync(_cluster.Shards[1], _items);
        var asking = _items.Api.PostAsync(_items.Address + ":query", Query(null), Patience);
        await Task.Delay(Meanwhile);
        (await _items.PutAsync(_manyKey, "5", """{"v":905}""")).Expect(200);
        await late.ReleaseAsync();

        var ids = IdsOf((await asking).Expect(200));

        Assert.Equal(ids.Length, ids.Distinct(StringComparer.Ordinal).Count());
        Assert.Contains("5", ids);
    }

    private Task PutAsync(string pk, int first, int count) => Pages.PutAllAsync(
        _items, pk,
        Enumerable.Range(first, count).Select(n => (n.ToString(CultureInfo.InvariantCulture), string.Create(CultureInfo.InvariantCulture, $$"""{"v":{{n * 10}}}"""))));

    private async Task<(string[] Ids, string? Next)> PageAsync(string? cursor)
    {
        var page = (await _items.Api.PostAsync(_items.Address + ":query", Query(cursor), Patience)).Expect(200);
        return (IdsOf(page), page.Next());
    }

    private static string Query(string? cursor) =>
        $$$"""{"filter":{"v":{"gt":0}},"orderBy":[{"path":"v"}],"limit":{{{Limit}}}{{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}} }""";

    private static string[] IdsOf(ApiReply page) =>
        [.. page.Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()!)];

    private static int Number(string id) => int.Parse(id, CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
    }
}
