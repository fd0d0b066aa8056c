using ShardCore.Tests.Fence;
using static ShardCore.Tests.Fence.ShardOperation;

namespace ShardCore.Tests.Items;

public sealed class ExpiryTests(ItemsShard fixture) : IClassFixture<ItemsShard>, IAsyncLifetime
{
    private ShardUnderTest _shard = null!;

    public async ValueTask InitializeAsync() => _shard = await fixture.AsNewAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // the fixture's

    [Fact]
    public async Task A_time_to_live_counts_from_the_write()
    {
        var answer = await _shard.WriteOneAsync(Put("x", ttl: 3600));

        Assert.Equal(answer.UpdatedAt!.Value.AddHours(1), answer.ExpiresAt);
        Assert.Equal(answer.ExpiresAt, (await _shard.ReadAsync("x")).ExpiresAt);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("present")]
    public async Task A_put_without_one_never_expires_again(string condition)
    {
        await _shard.WriteOneAsync(Put("x", ttl: 3600));

        Assert.Null((await _shard.WriteOneAsync(Put("x", condition: condition))).ExpiresAt);
    }

    [Fact]
    public async Task A_patch_or_an_increment_keeps_the_expiry_unless_it_brings_its_own()
    {
        var put = await _shard.WriteOneAsync(Put("x", ttl: 3600));

        var answers = await _shard.WriteAsync(
            MergePatch("x", """{"a":1}"""), JsonPatch("x", "[]"), Increment("x", """["n"]""", 1), MergePatch("x", """{"a":2}""", ttl: 60));

        Assert.All(answers[..3], answer => Assert.Equal(put.ExpiresAt, answer.ExpiresAt));
        Assert.Equal(answers[3].UpdatedAt!.Value.AddMinutes(1), answers[3].ExpiresAt);
    }

    [Fact]
    public async Task An_expired_item_is_invisible_at_once_and_counts_as_absent()
    {
        await _shard.WriteAsync(Put("read", ttl: 0), Put("put", """{"old":1}""", ttl: 0), Put("patch", ttl: 0), Put("delete", ttl: 0), Put("add", """{"n":5}""", ttl: 0));

        Assert.Null((await _shard.ReadAsync("read")).Version);
        var answers = await _shard.WriteAsync(Put("put"), MergePatch("patch", "{}"), Delete("delete"), Increment("add", """["n"]""", 1));
        Assert.Equal(["created", "missing", "missing", "created"], answers.Select(answer => answer.Outcome));
        AssertJson.Equal("""{"n":1}""", answers[3].Doc);
        Assert.Null(answers[3].ExpiresAt);
        Assert.NotNull((await _shard.ReadAsync("put")).Version);
    }

    [Fact]
    public async Task The_sweep_deletes_expired_items_only_and_no_more_than_it_may()
    {
        await _shard.WriteAsync([.. Enumerable.Range(0, 10).Select(i => Put($"old{i}", ttl: 0)), Put("fresh", ttl: 3600), Put("lasting")]);

        Assert.Equal(4, await Sweep(4));
        Assert.Equal(6, await Sweep(100));
        Assert.Equal(0, await Sweep(100));

        Assert.Equal(2, await _shard.CountAsync());
    }

    [Theory]
    [InlineData("frozen")]
    [InlineData("importing")]
    [InlineData("released")]
    public async Task The_sweep_leaves_slots_alone_that_are_not_owned(string state)
    {
        await _shard.WriteOneAsync(Put("x", ttl: 0));
        await _shard.OwnAsync(state);

        Assert.Equal(0, await Sweep(100));
        Assert.Equal(1, await _shard.CountAsync());
    }

    [Fact]
    public async Task The_sweep_does_not_wait_for_a_slot_that_is_being_frozen_and_does_the_others()
    {
        await _shard.WriteAsync(Put("x", ttl: 0), Put("y", ttl: 0) with { Pk = "q" });
        await using var freezer = await _shard.BeginAsync();
        await freezer.FreezeAsync(ShardUnderTest.Slot);

        Assert.Equal(1, await Sweep(100).WaitAsync(TimeSpan.FromSeconds(10)));
        await freezer.CommitAsync();

        Assert.Equal("x", await _shard.Database.ScalarAsync<string>("select id from sharding.item"));
    }

    [Fact]
    public async Task A_freeze_waits_for_a_sweep_that_is_not_committed_yet()
    {
        await _shard.WriteOneAsync(Put("x", ttl: 0));
        await using var sweeper = await _shard.BeginAsync();
        await using var freezer = await _shard.BeginAsync();
        Assert.Equal(1, await sweeper.RunAsync("select sharding.delete_expired(10)"));

        var freeze = freezer.FreezeAsync(ShardUnderTest.Slot);
        await _shard.WaitUntilBlockedAsync(freezer, "the freeze");
        await sweeper.CommitAsync();
        await freeze;

        Assert.Equal(0L, await freezer.RunAsync("select count(*) from sharding.item"));
    }

    private Task<int> Sweep(int limit) => _shard.Database.ScalarAsync<int>($"select sharding.delete_expired({limit})");
}
