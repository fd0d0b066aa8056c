using ShardCore.Tests.Fence;
using static ShardCore.Tests.Fence.ShardOperation;

namespace ShardCore.Tests.Items;

/// <summary>A write that has waited for a lock has the times of when it went on, not of when it came.</summary>
public sealed class LateWriteTests(ItemsShard fixture) : IClassFixture<ItemsShard>, IAsyncLifetime
{
    private const int TtlSeconds = 2;

    /// <summary>Longer than the time to live.</summary>
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(2.5);

    /// <summary>What write_items may take for no wait.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromMilliseconds(150);

    private ShardUnderTest _shard = null!;

    public async ValueTask InitializeAsync() => _shard = await fixture.AsNewAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // the fixture's

    /// <summary>Those named x wait, the others do not.</summary>
    public static TheoryData<string, string[]> Calls => new()
    {
        { "one put", ["put x"] },
        { "one put that has a condition", ["put-not-1 x"] },
        { "puts together, the last waits", ["put a", "put x"] },
        { "puts together, the first waits", ["put x", "put y"] },
        { "put and patch of one key, then a wait", ["put a", "patch a", "put x"] },
        { "one after the other, the last waits", ["check b", "put a", "put x"] },
        { "one after the other, the first waits", ["check b", "put x", "put y"] },
        { "a patch that brings a time to live", ["patch x"] },
        { "a patch behind a put", ["put a", "patch x"] },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Behind_a_held_row_a_time_to_live_begins_after_the_wait(string what, string[] operations)
    {
        await _shard.WriteAsync(Put("x"), Put("b"));

        await WriteBehindAsync(holder => holder.RunAsync("select 1 from sharding.item where id = 'x' for update"), commit: true, operations);

        Assert.NotEmpty(what);
    }

    [Theory]
    [InlineData(false, "put x")]
    [InlineData(false, "put-absent x")]
    [InlineData(false, "put a", "put x")]
    [InlineData(true, "put x")]
    [InlineData(true, "put-absent x")]
    [InlineData(true, "put a", "put-absent x")]
    public async Task Behind_an_insert_that_is_rolled_back_or_a_deletion_too(bool deletes, params string[] operations)
    {
        if (deletes)
            await _shard.WriteOneAsync(Put("x"));

        var answers = await WriteBehindAsync(
            async holder => await holder.WriteAsync(deletes ? Delete("x") : Put("x")), commit: deletes, operations);

        Assert.Equal("created", answers[^1].Outcome);
    }

    [Theory]
    [InlineData("put x")]
    [InlineData("put a", "put x")]
    [InlineData("check b", "put x")]
    public async Task Behind_a_later_write_the_time_of_change_does_not_go_back(params string[] operations)
    {
        var (before, after) = await WriteBehindPutAsync(deletes: false, operations);

        Assert.Equal("replaced", after.Outcome);
        Assert.True(after.UpdatedAt >= before.UpdatedAt, $"The item was changed at {before.UpdatedAt:O} and then at {after.UpdatedAt:O}.");
        Assert.True(after.Version > before.Version);
    }

    /// <summary>
    /// Found by chaos: a put read the clock, waited for a write and a deletion, and created the item with a version below the one that
    /// clients had seen. A write on condition of that later version had succeeded, so two writers were told that they came last.
    /// </summary>
    [Theory]
    [InlineData("put x")]
    [InlineData("put a", "put x")]
    [InlineData("check b", "put x")]
    [InlineData("put-absent x")]
    public async Task Behind_a_later_write_and_its_deletion_the_version_does_not_go_back(params string[] operations)
    {
        var (before, after) = await WriteBehindPutAsync(deletes: true, operations);

        Assert.Equal("created", after.Outcome);
        Assert.True(after.Version > before.Version, $"{after.Version} came behind {before.Version}.");
    }

    /// <summary>So that a put which read the clock before this deletion, and inserts behind it, has a later version all the same.</summary>
    [Fact]
    public async Task An_item_is_not_deleted_before_its_version_is_two_milliseconds_old()
    {
        for (var i = 0; i < 20; i++)
        {
            var written = await _shard.WriteOneAsync(Put("x"));
            await using var deleting = await _shard.BeginAsync();
            await deleting.WriteAsync(Delete("x"));
            var now = (long)(await deleting.RunAsync("select (extract(epoch from clock_timestamp()) * 1000000)::bigint"))!;
            await deleting.CommitAsync();

            Assert.True(now >= written.Version + 2000, $"Deleted {now - written.Version} µs after it was written.");
        }
    }

    [Fact]
    public async Task An_item_that_expires_during_the_wait_is_created_anew()
    {
        await _shard.WriteOneAsync(Put("x", ttl: 1));

        var answers = await WriteBehindAsync(holder => holder.RunAsync("select 1 from sharding.item where id = 'x' for update"), commit: true, "put x");

        Assert.Equal("created", answers[0].Outcome);
    }

    /// <summary>Lets the operations wait, the last of them for a put of x that comes after them.</summary>
    /// <param name="deletes">The put is followed by a deletion.</param>
    /// <returns>What the put answered, and the last of the operations.</returns>
    private async Task<(ShardAnswer Before, ShardAnswer After)> WriteBehindPutAsync(bool deletes, string[] operations)
    {
        await _shard.WriteAsync(Put("x"), Put("b"));
        await using var holder = await _shard.BeginAsync();
        await using var waiter = await _shard.BeginAsync();
        await holder.RunAsync("select 1 from sharding.item where id = 'x' for update");

        var waiting = waiter.WriteAsync([.. operations.Select(Operation)]);
        await _shard.WaitUntilBlockedAsync(waiter, "the write");
        var before = Assert.Single(await holder.WriteAsync(Put("x")));
        if (deletes)
            await holder.WriteAsync(Delete("x"));
        await holder.CommitAsync();
        return (before, (await waiting)[^1]);
    }

    /// <summary>Holds, lets the operations wait, and checks that each item written lives its whole time from the end of the wait.</summary>
    private async Task<ShardAnswer[]> WriteBehindAsync(Func<SteppedTransaction, Task> hold, bool commit, params string[] operations)
    {
        await using var holder = await _shard.BeginAsync();
        await using var waiter = await _shard.BeginAsync();
        await hold(holder);
        var waiting = waiter.WriteAsync([.. operations.Select(Operation)]);
        await _shard.WaitUntilBlockedAsync(waiter, "the write");
        await Task.Delay(Wait);
        var goesOnAt = (DateTime)(await holder.RunAsync("select clock_timestamp()"))!;
        await (commit ? holder.CommitAsync() : holder.DisposeAsync().AsTask());
        var answers = await waiting;
        await waiter.CommitAsync();

        Assert.Equal(operations.Length, answers.Length);
        Assert.True(operations.Length > 1 || answers[0].ExpiresAt >= goesOnAt.AddSeconds(TtlSeconds) - Late, $"{answers[0]}");
        foreach (var id in operations.Where(text => !text.StartsWith("check", StringComparison.Ordinal)).Select(text => text.Split(' ')[1]).Distinct())
        {
            var item = await _shard.ReadAsync(id);
            Assert.True(item.ExpiresAt >= goesOnAt.AddSeconds(TtlSeconds) - Late, $"{id} was written at {goesOnAt:O} and expires at {item.ExpiresAt:O}.");
        }
        return answers;
    }

    private static ShardOperation Operation(string text) => text.Split(' ') switch
    {
        ["put", var id] => Put(id, ttl: TtlSeconds),
        ["put-absent", var id] => Put(id, condition: "absent", ttl: TtlSeconds),
        ["put-not-1", var id] => Put(id, condition: "no_match", version: 1, ttl: TtlSeconds),
        ["patch", "a"] => MergePatch("a", """{"patched":true}"""),
        ["patch", var id] => MergePatch(id, """{"patched":true}""", ttl: TtlSeconds),
        ["check", var id] => Check(id),
        _ => throw new ArgumentException(text),
    };
}
