using System.Data;
using Npgsql;
using TestCluster;

namespace ShardCore.Tests.Fence;

/// <summary>
/// A freeze against a write, stepped through on two connections. A write "lands after the freeze" when its row is not
/// there once the freeze has committed, and appears later: a move would have lost it.
/// </summary>
public sealed class FenceRaceTests(SharedPostgres postgres)
{
    // The parameters of a collection's functions.
    private const string One = "smallint, text, text, jsonb, integer, boolean";
    private const string Many = "boolean, text[], smallint[], text[], text[], jsonb[], text[], text[], integer[], boolean[]";

    /// <summary>The unsafe variants that lose when the writer arrives while the freeze is not committed yet.</summary>
    public static TheoryData<string, IsolationLevel> LoseWhileWaiting => new()
    {
        { UnsafeVariants.LockAndCheckInOneStatement, IsolationLevel.ReadCommitted },
        { UnsafeVariants.LockThenCheckInAStableFunction, IsolationLevel.ReadCommitted },
        { UnsafeVariants.LockThenCheck, IsolationLevel.RepeatableRead },
        { UnsafeVariants.LockThenCheck, IsolationLevel.Serializable },
    };

    /// <summary>The unsafe variants that lose when the freeze arrives while the writer has not committed yet.</summary>
    public static TheoryData<string> LoseWhileOpen => [UnsafeVariants.PlainCheck, UnsafeVariants.KeyShareOnTheOwnershipRow];

    [Theory]
    [MemberData(nameof(LoseWhileWaiting))]
    public async Task An_unsafe_variant_that_waits_for_a_freeze_writes_after_it(string variant, IsolationLevel isolation)
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await shard.Database.ExecuteAsync(variant);

        Assert.True(await PutWhileFreezing(shard, isolation));

        Assert.Equal("frozen", await shard.Database.ScalarAsync<string>($"select state from sharding.slot_ownership where slot = {ShardUnderTest.Slot}"));
        Assert.Equal(1, await shard.CountAsync()); // it landed: nothing could be written before the freeze had committed
    }

    [Fact]
    public async Task The_same_order_of_steps_holds_in_two_statements_under_read_committed()
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await shard.Database.ExecuteAsync(UnsafeVariants.LockThenCheck);

        Assert.False(await PutWhileFreezing(shard, IsolationLevel.ReadCommitted));

        Assert.Equal(0, await shard.CountAsync());
    }

    [Theory]
    [MemberData(nameof(LoseWhileOpen))]
    public async Task An_unsafe_variant_that_a_freeze_does_not_wait_for_commits_after_it(string variant)
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await shard.Database.ExecuteAsync(variant);
        await using var writer = await shard.BeginAsync();
        Assert.True((bool)(await writer.RunAsync($"select unsafe_put({ShardUnderTest.Slot}, 'late')"))!);

        await using (var freezer = await shard.BeginAsync())
        {
            await freezer.FreezeAsync(ShardUnderTest.Slot); // does not wait
            await freezer.CommitAsync();
        }
        Assert.Equal(0, await shard.CountAsync());
        await writer.CommitAsync();

        Assert.Equal(1, await shard.CountAsync());
    }

    [Theory] // without a condition by the function for one, with one by the function for many
    [InlineData("frozen", "moving", "none")]
    [InlineData("frozen", "moving", "absent")]
    [InlineData("released", "not_owned", "none")]
    [InlineData("released", "not_owned", "absent")]
    [InlineData("importing", "moving", "none")]
    public async Task A_write_that_waits_for_a_freeze_is_refused_and_told_why(string state, string outcome, string condition)
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await using var freezer = await shard.BeginAsync();
        await using var writer = await shard.BeginAsync();
        await freezer.FreezeAsync(ShardUnderTest.Slot, state, "s2", epoch: 7);
        var write = writer.WriteAsync(ShardOperation.Put("late", condition: condition));
        await shard.WaitUntilBlockedAsync(writer, "the writer");

        await freezer.CommitAsync();
        var answer = Assert.Single(await write);
        await writer.CommitAsync();

        Assert.Equal(outcome, answer.Outcome);
        AssertJson.Equal($$"""{"state":"{{state}}","peer":"s2","epoch":7}""", answer.Detail);
        Assert.Equal(0, await shard.CountAsync());
    }

    [Fact]
    public async Task A_write_whose_freeze_was_rolled_back_goes_through()
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await using var writer = await shard.BeginAsync();
        Task<ShardAnswer[]> write;
        await using (var freezer = await shard.BeginAsync())
        {
            await freezer.FreezeAsync(ShardUnderTest.Slot);
            write = writer.WriteAsync(ShardOperation.Put("late"));
            await shard.WaitUntilBlockedAsync(writer, "the writer");
        }

        Assert.Equal("created", Assert.Single(await write).Outcome);
    }

    [Fact]
    public async Task A_freeze_waits_for_a_write_that_is_not_committed_yet()
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await using var writer = await shard.BeginAsync();
        await using var freezer = await shard.BeginAsync();
        Assert.Equal("created", Assert.Single(await writer.WriteAsync(ShardOperation.Put("early"))).Outcome);

        var freeze = freezer.FreezeAsync(ShardUnderTest.Slot);
        await shard.WaitUntilBlockedAsync(freezer, "the freeze");
        Assert.Equal("owned", await shard.Database.ScalarAsync<string>($"select state from sharding.slot_ownership where slot = {ShardUnderTest.Slot}"));
        await writer.CommitAsync();
        await freeze;

        Assert.Equal(1L, await freezer.RunAsync("select count(*) from sharding.item")); // the freeze sees it, before it commits
        await freezer.CommitAsync();
    }

    [Fact]
    public async Task A_write_that_comes_after_a_waiting_freeze_does_not_overtake_it()
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await using var first = await shard.BeginAsync();
        await using var freezer = await shard.BeginAsync();
        await using var second = await shard.BeginAsync();
        await first.WriteAsync(ShardOperation.Put("first"));
        var freeze = FreezeAndCommit(freezer);
        await shard.WaitUntilBlockedAsync(freezer, "the freeze");
        var write = second.WriteAsync(ShardOperation.Put("second"));
        await shard.WaitUntilBlockedAsync(second, "the second writer");

        await first.CommitAsync();
        await freeze;

        Assert.Equal("moving", Assert.Single(await write).Outcome);
        await second.CommitAsync();
        Assert.Equal(1, await shard.CountAsync());
    }

    [Theory]
    [InlineData(ShardUnderTest.Collection)]
    [InlineData("other")]
    public async Task Only_the_operations_on_the_frozen_slot_of_a_batch_are_refused(string lastCollection)
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await shard.Database.ExecuteAsync("insert into sharding.collection (name) values ('other')");
        await using var freezer = await shard.BeginAsync();
        await using var writer = await shard.BeginAsync();
        await freezer.FreezeAsync(ShardUnderTest.Slot);
        var write = writer.WriteAsync(ShardOperation.Put("1") with { Pk = "a" }, ShardOperation.Put("2"), ShardOperation.Put("3") with { Pk = "z", Collection = lastCollection });
        await shard.WaitUntilBlockedAsync(writer, "the writer");

        await freezer.CommitAsync();

        Assert.Equal(["created", "moving", "created"], (await write).Select(answer => answer.Outcome));
    }

    [Theory]
    [InlineData(IsolationLevel.RepeatableRead, "repeatable read", "none")]
    [InlineData(IsolationLevel.RepeatableRead, "repeatable read", "absent")]
    [InlineData(IsolationLevel.Serializable, "serializable", "none")]
    [InlineData(IsolationLevel.Serializable, "serializable", "absent")]
    public async Task Writing_and_sweeping_want_read_committed(IsolationLevel isolation, string name, string condition)
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await using (var writer = await shard.BeginAsync(isolation))
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => writer.WriteAsync(ShardOperation.Put("x", condition: condition)));
            Assert.Equal("SH001", refused.SqlState);
            Assert.Contains(name, refused.MessageText, StringComparison.Ordinal);
        }
        await using var sweeper = await shard.BeginAsync(isolation);
        Assert.Equal("SH001", (await Assert.ThrowsAsync<PostgresException>(() => sweeper.RunAsync("select (sharding.delete_expired(1, '', 0)).deleted"))).SqlState);
    }

    /// <summary>The shipped function with one of its safeguards taken out must lose: so each is needed, and each is tested.</summary>
    [Theory]
    [InlineData(Many, "'read committed'", "current_setting('transaction_isolation')", IsolationLevel.RepeatableRead)]
    [InlineData(Many, "perform pg_advisory_xact_lock_shared(1397246027, locks.slot)", "perform", IsolationLevel.ReadCommitted)]
    [InlineData(One, "'read committed'", "current_setting('transaction_isolation')", IsolationLevel.RepeatableRead)]
    [InlineData(One, "perform pg_advisory_xact_lock_shared(1397246027, p_slot::integer)", "perform p_slot", IsolationLevel.ReadCommitted)]
    public async Task Without_any_one_of_its_safeguards_a_function_that_writes_loses(string parameters, string safeguard, string without, IsolationLevel isolation)
    {
        var late = ShardOperation.Put("late", condition: parameters == One ? "none" : "absent");
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        var shipped = await shard.Database.ScalarAsync<string>($"select pg_get_functiondef('sharding_items.{ShardUnderTest.Collection}({parameters})'::regprocedure)");
        Assert.Contains(safeguard, shipped, StringComparison.Ordinal);
        await shard.Database.ExecuteAsync(shipped!.Replace(safeguard, without, StringComparison.Ordinal));
        await using var writer = await shard.BeginAsync(isolation);
        await using var freezer = await shard.BeginAsync();

        Task<ShardAnswer[]> write;
        if (isolation == IsolationLevel.ReadCommitted)
        {
            write = writer.WriteAsync(late); // takes no lock: does not wait, and is not waited for
            await write;
            await freezer.FreezeAsync(ShardUnderTest.Slot);
        }
        else
        {
            await freezer.FreezeAsync(ShardUnderTest.Slot);
            write = writer.WriteAsync(late);
            await shard.WaitUntilBlockedAsync(writer, "the writer");
        }
        await freezer.CommitAsync();

        Assert.Equal("created", Assert.Single(await write).Outcome);
        Assert.Equal(0, await shard.CountAsync());
        await writer.CommitAsync();
        Assert.Equal(1, await shard.CountAsync());
    }

    /// <summary>The freezer holds the lock and has not committed; the writer waits; the freezer commits.</summary>
    private static async Task<bool> PutWhileFreezing(ShardUnderTest shard, IsolationLevel isolation)
    {
        await using var freezer = await shard.BeginAsync();
        await using var writer = await shard.BeginAsync(isolation);
        await freezer.FreezeAsync(ShardUnderTest.Slot);
        var put = writer.RunAsync($"select unsafe_put({ShardUnderTest.Slot}, 'late')");
        await shard.WaitUntilBlockedAsync(writer, "the writer");
        await freezer.CommitAsync();
        var wrote = (bool)(await put)!;
        await writer.CommitAsync();
        return wrote;
    }

    private static async Task FreezeAndCommit(SteppedTransaction freezer)
    {
        await freezer.FreezeAsync(ShardUnderTest.Slot);
        await freezer.CommitAsync();
    }
}
