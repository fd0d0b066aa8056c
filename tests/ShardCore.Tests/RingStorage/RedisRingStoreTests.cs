using System.Collections.Concurrent;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardCore.RingStorage;
using ShardCore.Tests.Ring;
using StackExchange.Redis;
using TestCluster;

namespace ShardCore.Tests.RingStorage;

public sealed class RedisRingStoreTests(SharedRedis shared) : IAsyncLifetime
{
    private static readonly Shard S1 = RingGenerators.ShardNumber(1);

    private readonly RedisKeys _keys = new($"test-{Guid.NewGuid():n}");
    private RedisConnection _redis = null!;
    private RedisRingStore _store = null!;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisConnection.OpenAsync((await shared.ServerAsync()).Endpoint);
        _store = new RedisRingStore(_redis, _keys);
    }

    public async ValueTask DisposeAsync() => await _redis.DisposeAsync();

    [Fact]
    public async Task Where_nothing_was_published_there_is_no_ring()
    {
        Assert.Null(await _store.ReadAsync(default));
        Assert.Null(await _store.ReadTextAsync(default));
        Assert.Empty(await _store.HistoryAsync(default));
    }

    [Fact]
    public async Task A_published_ring_is_read_back()
    {
        Assert.Equal(RingPublishResult.Published, await Publish(RingAt(1), expected: null));
        Assert.Equal(RingPublishResult.Published, await Publish(RingAt(2), expected: 1));

        var ring = await _store.ReadAsync(default);

        Assert.Equal(2, ring!.Epoch.Value);
        Assert.Equal(RingDocumentCodec.Write(RingAt(2)), await _store.ReadTextAsync(default));
    }

    [Theory]
    [InlineData(7, 5)]    // equal epoch
    [InlineData(6, 5)]    // equal to what stands there
    [InlineData(1, 6)]    // lower, expectation right
    [InlineData(9, 5)]    // higher, but derived from another ring
    [InlineData(9, 7)]
    [InlineData(9, null)] // nothing expected, but a ring is there
    public async Task A_ring_that_is_not_newer_or_derived_from_another_is_refused(int epoch, int? expected)
    {
        await Publish(RingAt(6), expected: null);

        Assert.Equal(RingPublishResult.Conflict, await Publish(RingAt(epoch), expected));

        Assert.Equal(6, (await _store.ReadAsync(default))!.Epoch.Value);
        Assert.Single(await _store.HistoryAsync(default));
    }

    [Fact]
    public async Task A_ring_derived_from_one_that_is_gone_is_refused()
    {
        Assert.Equal(RingPublishResult.Conflict, await Publish(RingAt(8), expected: 7));
        Assert.Null(await _store.ReadTextAsync(default));
    }

    [Fact]
    public async Task The_largest_epochs_are_compared_exactly()
    {
        const long largest = (1L << 53) - 1;
        Assert.Equal(RingPublishResult.Published, await Publish(RingAt(largest - 1), expected: null));
        Assert.Equal(RingPublishResult.Conflict, await Publish(RingAt(largest), expected: largest - 2));
        Assert.Equal(RingPublishResult.Published, await Publish(RingAt(largest), expected: largest - 1));
        Assert.Equal(RingPublishResult.Conflict, await Publish(RingAt(largest), expected: largest));
    }

    [Fact]
    public async Task Of_several_publishers_at_once_exactly_one_wins()
    {
        await using var other = await RedisConnection.OpenAsync(_redis.Endpoint);
        RedisRingStore[] stores = [_store, new RedisRingStore(other, _keys)];
        await Publish(RingAt(1), expected: null);
        for (var epoch = 1L; epoch <= 50; epoch++)
        {
            var next = RingAt(epoch + 1);
            var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(publisher => Task.Run(() =>
                stores[publisher % 2].PublishAsync(next, new Epoch(epoch), $"publisher {publisher}", "race", default))));

            Assert.Single(results, RingPublishResult.Published);
            Assert.Equal(3, results.Count(result => result == RingPublishResult.Conflict));
        }
        Assert.Equal(51, (await _store.ReadAsync(default))!.Epoch.Value);
        Assert.Equal(51, (await _store.HistoryAsync(default)).Count);
    }

    [Fact]
    public async Task The_history_has_the_last_hundred_newest_first_with_who_and_why()
    {
        for (var epoch = 1; epoch <= 105; epoch++)
            await Publish(RingAt(epoch), epoch == 1 ? null : epoch - 1);

        var history = await _store.HistoryAsync(default);

        Assert.Equal(Enumerable.Range(6, 100).Reverse().Select(epoch => (long)epoch), history.Select(entry => entry.Epoch));
        Assert.All(history, entry => Assert.Equal(("me@here", "a test"), (entry.Who, entry.Why)));
        Assert.Equal(105, RingDocumentCodec.Read(history[0].Document).Epoch.Value);
        Assert.InRange(DateTimeOffset.UtcNow - history[0].At, TimeSpan.Zero, TimeSpan.FromMinutes(1));
    }

    [Theory]
    [InlineData("no JSON")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("42")]
    [InlineData("{}")]
    [InlineData("{\"epoch\":\"7\"}")]
    public async Task An_unreadable_document_is_told_and_replaced_only_after_it_was_removed(string text)
    {
        await _redis.Database.StringSetAsync(_keys.Ring, text);

        await Assert.ThrowsAsync<BadRingException>(() => _store.ReadAsync(default));
        Assert.Equal(RingPublishResult.Unreadable, await Publish(RingAt(1), expected: null));
        await _store.RemoveUnreadableAsync(text + " ", default); // not the one that stands there
        Assert.Equal(text, await _store.ReadTextAsync(default));
        await _store.RemoveUnreadableAsync(text, default);

        Assert.Equal(RingPublishResult.Published, await Publish(RingAt(1), expected: null));
    }

    [Fact]
    public async Task Foreign_entries_in_the_history_are_left_out()
    {
        await Publish(RingAt(1), expected: null);
        foreach (var foreign in (string[])["no JSON", "null", "{}", "{\"at\":1}", ""])
            await _redis.Database.ListLeftPushAsync(_keys.RingHistory, foreign);

        Assert.Equal(1, Assert.Single(await _store.HistoryAsync(default)).Epoch);
    }

    [Fact]
    public async Task A_key_of_another_type_is_an_error_of_Redis_and_not_of_the_program()
    {
        await _redis.Database.ListLeftPushAsync(_keys.Ring, "x");

        await Assert.ThrowsAsync<RedisUnavailableException>(() => _store.ReadAsync(default));
        await Assert.ThrowsAsync<RedisUnavailableException>(() => Publish(RingAt(1), expected: null));
    }

    [Fact]
    public async Task Publishing_is_announced_with_the_epoch_and_a_refused_one_is_not()
    {
        var seen = new ConcurrentQueue<string>();
        await _redis.SubscribeAsync(
            new RedisChannel(_keys.RingChanged, RedisChannel.PatternMode.Literal), (_, message) => seen.Enqueue(message!));

        await Publish(RingAt(1), expected: null);
        await Publish(RingAt(9), expected: 5);
        await Publish(RingAt(2), expected: 1);

        await Eventually.ThatAsync(() => seen.Count >= 2, TimeSpan.FromSeconds(5), "two messages on the channel");
        Assert.Equal(["1", "2"], seen);
    }

    private Task<RingPublishResult> Publish(ShardRing ring, long? expected) =>
        _store.PublishAsync(ring, expected is { } epoch ? new Epoch(epoch) : null, "me@here", "a test", default);

    private static ShardRing RingAt(long epoch) =>
        ShardRing.Create(RingGenerators.Cluster, new Epoch(epoch), [S1], [.. Enumerable.Repeat(S1.Id, Slot.Count)]);
}
