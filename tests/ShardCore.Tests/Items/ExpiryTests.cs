using System.Globalization;
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
        await LetAgeAsync();

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
        await LetAgeAsync();
        await using var freezer = await _shard.BeginAsync();
        await freezer.FreezeAsync(ShardUnderTest.Slot);

        Assert.Equal(1, await _shard.Database.ScalarAsync<long>(SweepAllSql).WaitAsync(TimeSpan.FromSeconds(10)));
        await freezer.CommitAsync();

        Assert.Equal("x", await _shard.Database.ScalarAsync<string>("select id from sharding.item"));
    }

    [Fact]
    public async Task A_freeze_waits_for_a_sweep_that_is_not_committed_yet()
    {
        await _shard.WriteOneAsync(Put("x", ttl: 0));
        await LetAgeAsync();
        await using var sweeper = await _shard.BeginAsync();
        await using var freezer = await _shard.BeginAsync();
        Assert.Equal(1, await sweeper.RunAsync($"select (sharding.delete_expired(10, '{ShardUnderTest.Collection}', {ShardUnderTest.Slot})).deleted"));

        var freeze = freezer.FreezeAsync(ShardUnderTest.Slot);
        await _shard.WaitUntilBlockedAsync(freezer, "the freeze");
        await sweeper.CommitAsync();
        await freeze;

        Assert.Equal(0L, await freezer.RunAsync("select count(*) from sharding.item"));
    }

    /// <summary>Expired rows of slots that are not swept lie for days, and must not cost each sweep a look.</summary>
    [Theory]
    [InlineData("'released'", "'s9'")]
    [InlineData("'importing'", "'s9'")]
    [InlineData("'owned'", "'s9'")] // not compared yet
    public async Task Expired_items_of_slots_that_are_not_swept_are_not_even_looked_at(string state, string peer)
    {
        const int Left = 20_000;
        await _shard.Database.ExecuteAsync($"""
            update sharding.slot_ownership set state = {state}, peer = {peer} where slot in (1, 16000);
            insert into sharding.item (version, updated_at, expires_at, slot, collection, pk, id, doc)
            select 1, now(), now() - interval '1 day', case when n % 2 = 0 then 1 else 16000 end, '{ShardUnderTest.Collection}', 'p', n::text, '{EmptyObject}' from generate_series(1, {Left}) n;
            """);
        await _shard.WriteAsync(Put("x", ttl: 0), Put("y", ttl: 0) with { Pk = "q" });
        await LetAgeAsync();

        await using var sweeper = await _shard.BeginAsync();
        var before = await LooksAsync(); // of what this session did before
        Assert.Equal(2L, await sweeper.RunAsync(SweepAllSql));

        Assert.InRange(await LooksAsync() - before, 2, 100);
        await sweeper.CommitAsync();
        Assert.Equal(Left, await _shard.CountAsync());

        async Task<long> LooksAsync() => Convert.ToInt64(
            await sweeper.RunAsync("select sum(pg_stat_get_xact_tuples_returned(oid)) from pg_class where relnamespace = 'sharding_items'::regnamespace"),
            CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task A_sweep_comes_through_all_slots_and_a_slot_with_more_than_one_step()
    {
        await _shard.Database.ExecuteAsync($"""
            insert into sharding.item (version, updated_at, expires_at, slot, collection, pk, id, doc)
            select 1, now(), now() - interval '1 day', slot, '{ShardUnderTest.Collection}', 'p', 'x', '{EmptyObject}'::jsonb from generate_series(0, 16383, 7) slot
            union all
            select 1, now(), now() - interval '1 day', 9000, '{ShardUnderTest.Collection}', 'p', 'n' || n, '{EmptyObject}'::jsonb from generate_series(1, 1234) n;
            """);

        Assert.Equal(2341 + 1234, await _shard.Database.ScalarAsync<long>(SweepAllSql));

        Assert.Equal(0, await _shard.CountAsync());
    }

    [Fact]
    public async Task A_shard_that_owns_nothing_is_swept_in_one_step()
    {
        await _shard.Database.ExecuteAsync("update sharding.slot_ownership set state = 'released', peer = 's9'");

        Assert.True(await _shard.Database.ScalarAsync<bool>("select deleted = 0 and next_from is null from sharding.delete_expired(500, '', 0)"));
    }

    private const string EmptyObject = "{}";

    /// <summary>As a router does it.</summary>
    private const string SweepAllSql = """
        with recursive step as (
            select s.* from sharding.delete_expired(500, '', 0) s
            union all
            select s.* from step cross join lateral sharding.delete_expired(500, step.next_collection, step.next_from) s where step.next_from is not null)
        select sum(deleted) from step
        """;

    /// <summary>A sweep leaves items alone that are younger than this.</summary>
    private Task LetAgeAsync() => _shard.Database.ExecuteAsync("select pg_sleep_for(sharding.versions_apart())");

    /// <summary>One step, from the slot of <see cref="ShardUnderTest.Pk"/>.</summary>
    private Task<int> Sweep(int limit) => _shard.Database.ScalarAsync<int>($"select (sharding.delete_expired({limit}, '{ShardUnderTest.Collection}', {ShardUnderTest.Slot})).deleted");
}
