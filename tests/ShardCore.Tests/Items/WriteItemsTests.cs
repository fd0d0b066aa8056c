using ShardCore.Tests.Fence;
using static ShardCore.Tests.Fence.ShardOperation;

namespace ShardCore.Tests.Items;

/// <summary>What <c>sharding.write_items</c> and <c>read_items</c> answer to each operation, called as the router does.</summary>
public sealed class WriteItemsTests(ItemsShard fixture) : IClassFixture<ItemsShard>, IAsyncLifetime
{
    private ShardUnderTest _shard = null!;

    public async ValueTask InitializeAsync() => _shard = await fixture.AsNewAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // the fixture's

    [Fact]
    public async Task A_put_creates_then_replaces_and_each_has_a_higher_version()
    {
        var created = await _shard.WriteOneAsync(Put("x", """{"n":1}"""));
        var replaced = await _shard.WriteOneAsync(Put("x", """{"n":2}"""));
        var read = await _shard.ReadAsync("x");

        Assert.Equal(("created", "replaced"), (created.Outcome, replaced.Outcome));
        Assert.True(replaced.Version > created.Version && replaced.UpdatedAt >= created.UpdatedAt);
        AssertJson.Equal("""{"n":2}""", replaced.Doc);
        Assert.Equal((replaced.Version, replaced.UpdatedAt, "owned"), (read.Version, read.UpdatedAt, read.State));
        AssertJson.Equal("""{"n":2}""", read.Doc);
    }

    [Fact]
    public async Task A_document_comes_back_only_when_asked_for() =>
        Assert.All(
            await _shard.WriteAsync(
                Put("x") with { ReturnDoc = false }, MergePatch("x", """{"a":1}""") with { ReturnDoc = false }, Put("x", condition: "present") with { ReturnDoc = false }),
            answer => Assert.Null(answer.Doc));

    /// <summary>Each condition, on an item that is there (with the version asked for, or another) and on one that is not.</summary>
    [Theory]
    [InlineData("none", "here", "replaced")]
    [InlineData("none", "missing", "created")]
    [InlineData("absent", "here", "precondition_failed")]
    [InlineData("absent", "missing", "created")]
    [InlineData("absent", "expired", "created")]
    [InlineData("present", "here", "replaced")]
    [InlineData("present", "missing", "precondition_failed")]
    [InlineData("present", "expired", "precondition_failed")]
    [InlineData("match", "here", "replaced")]
    [InlineData("match", "other", "precondition_failed")]
    [InlineData("match", "missing", "precondition_failed")]
    [InlineData("match", "expired", "precondition_failed")]
    [InlineData("no_match", "here", "precondition_failed")]
    [InlineData("no_match", "other", "replaced")]
    [InlineData("no_match", "missing", "created")]
    [InlineData("no_match", "expired", "created")]
    public async Task A_put_under_a_condition(string condition, string item, string outcome)
    {
        var current = item == "missing" ? null : await _shard.WriteOneAsync(Put("x", """{"old":true}"""));
        if (item == "expired")
            await Expire("x");
        var asked = (current?.Version ?? 5) + (item == "other" ? 1 : 0);

        var answer = await _shard.WriteOneAsync(Put("x", """{"new":true}""", condition, asked));

        Assert.Equal(outcome, answer.Outcome);
        if (outcome == "precondition_failed")
        {
            Assert.Equal(item is "here" or "other" ? current!.Version : null, answer.Version); // what the client may compare with
            Assert.Equal(item is "here" or "other", (await _shard.ReadAsync("x")).Version is not null);
        }
        else
        {
            Assert.True(answer.Version > (current?.Version ?? 0));
            AssertJson.Equal("""{"new":true}""", (await _shard.ReadAsync("x")).Doc);
        }
    }

    [Theory]
    [InlineData("none", "here", "deleted")]
    [InlineData("none", "missing", "missing")]
    [InlineData("none", "expired", "missing")]
    [InlineData("present", "here", "deleted")]
    [InlineData("present", "missing", "precondition_failed")]
    [InlineData("match", "here", "deleted")]
    [InlineData("match", "other", "precondition_failed")]
    [InlineData("match", "missing", "precondition_failed")]
    [InlineData("no_match", "here", "precondition_failed")]
    [InlineData("no_match", "other", "deleted")]
    [InlineData("no_match", "missing", "missing")]
    public async Task A_delete_under_a_condition(string condition, string item, string outcome)
    {
        var current = item == "missing" ? null : await _shard.WriteOneAsync(Put("x"));
        if (item == "expired")
            await Expire("x");

        var answer = await _shard.WriteOneAsync(Delete("x", condition, (current?.Version ?? 5) + (item == "other" ? 1 : 0)));

        Assert.Equal(outcome, answer.Outcome);
        var isLeft = outcome != "deleted" && item is "here" or "other" && outcome == "precondition_failed";
        Assert.Equal(isLeft, (await _shard.ReadAsync("x")).Version is not null);
        if (outcome == "deleted")
            Assert.Equal(current!.Version, answer.Version);
    }

    [Theory]
    [InlineData("none", "here", "checked")]
    [InlineData("none", "missing", "missing")]
    [InlineData("absent", "missing", "checked")]
    [InlineData("absent", "here", "precondition_failed")]
    [InlineData("absent", "expired", "checked")]
    [InlineData("present", "here", "checked")]
    [InlineData("present", "missing", "precondition_failed")]
    [InlineData("match", "here", "checked")]
    [InlineData("match", "other", "precondition_failed")]
    public async Task A_check_changes_nothing(string condition, string item, string outcome)
    {
        var current = item == "missing" ? null : await _shard.WriteOneAsync(Put("x"));
        if (item == "expired")
            await Expire("x");

        var answer = await _shard.WriteOneAsync(Check("x", condition, (current?.Version ?? 5) + (item == "other" ? 1 : 0)));

        Assert.Equal(outcome, answer.Outcome);
        Assert.Equal(item is "here" or "other" ? current!.Version : null, (await _shard.ReadAsync("x")).Version);
    }

    [Fact]
    public async Task Operations_on_one_key_take_effect_in_their_order()
    {
        var answers = await _shard.WriteAsync(
            Put("x", """{"n":1}"""), MergePatch("x", """{"m":2}"""), Put("y"), Delete("x"), MergePatch("x", "{}"), Put("x", """{"n":3}""", "absent"),
            Increment("x", """["n"]""", 4));

        Assert.Equal(["created", "replaced", "created", "deleted", "missing", "created", "replaced"], answers.Select(answer => answer.Outcome));
        AssertJson.Equal("""{"n":1,"m":2}""", answers[1].Doc);
        AssertJson.Equal("""{"n":7}""", (await _shard.ReadAsync("x")).Doc);
        Assert.True(answers[1].Version > answers[0].Version && answers[6].Version > answers[5].Version);
    }

    [Fact]
    public async Task One_bad_operation_leaves_its_neighbours_alone()
    {
        var answers = await _shard.WriteAsync(
            Put("1"), Put("2", condition: "present"), JsonPatch("1", """[{"op":"test","path":"/x","value":1}]"""), Put("3") with { Collection = "nowhere" },
            MergePatch("4", "{}"), Put("5"));

        Assert.Equal(["created", "precondition_failed", "invalid_patch", "no_collection", "missing", "created"], answers.Select(answer => answer.Outcome));
        Assert.Equal(2, await _shard.CountAsync());
    }

    [Fact]
    public async Task The_same_id_in_another_collection_or_partition_is_another_item()
    {
        await _shard.Database.ExecuteAsync("insert into sharding.collection (name) values ('other')");

        await _shard.WriteAsync(Put("x", """{"n":1}"""), Put("x", """{"n":2}""") with { Collection = "other" }, Put("x", """{"n":3}""") with { Pk = "q" });

        AssertJson.Equal("""{"n":1}""", (await _shard.ReadAsync("x")).Doc);
        AssertJson.Equal("""{"n":2}""", (await _shard.ReadAsync("x", collection: "other")).Doc);
        AssertJson.Equal("""{"n":3}""", (await _shard.ReadAsync("x", pk: "q")).Doc);
    }

    [Theory]
    [InlineData("a b", "a b ")]
    [InlineData("caf\u00e9", "cafe\u0301")]
    [InlineData("A", "a")]
    [InlineData("a/b", "a%2Fb")]
    public async Task Keys_that_look_alike_are_different_keys(string one, string other)
    {
        await _shard.WriteAsync(Put(one, """{"n":1}""") with { Pk = one }, Put(other, """{"n":2}""") with { Pk = other }, Put(other, """{"n":3}""") with { Pk = one });

        AssertJson.Equal("""{"n":1}""", (await _shard.ReadAsync(one, one)).Doc);
        AssertJson.Equal("""{"n":2}""", (await _shard.ReadAsync(other, other)).Doc);
        AssertJson.Equal("""{"n":3}""", (await _shard.ReadAsync(other, one)).Doc);
    }

    [Fact]
    public async Task A_collection_that_is_dropped_takes_no_writes()
    {
        await _shard.WriteOneAsync(Put("x"));
        await _shard.Database.ExecuteAsync("update sharding.collection set dropped_at = now()");

        Assert.All(await _shard.WriteAsync(Put("x"), Delete("x"), Check("x")), answer => Assert.Equal("no_collection", answer.Outcome));
    }

    [Fact]
    public async Task Versions_stay_above_the_floor_that_the_last_owner_left()
    {
        const long floor = 9_000_000_000_000_000; // the last owner's clock was far ahead of ours
        await _shard.Database.ExecuteAsync($"update sharding.slot_ownership set version_floor = {floor}");

        var answers = await _shard.WriteAsync(Put("x"), Put("x"), Put("y", condition: "absent"), MergePatch("x", "{}"));

        Assert.Equal([floor + 1, floor + 2, floor + 1, floor + 3], answers.Select(answer => answer.Version!.Value));
    }

    [Fact]
    public async Task A_version_that_was_deleted_while_the_clock_stood_behind_it_is_not_given_again()
    {
        const long floor = 9_000_000_000_000_000;
        await _shard.Database.ExecuteAsync($"update sharding.slot_ownership set version_floor = {floor}");
        await _shard.WriteAsync(Put("x"), Put("x"));
        await _shard.WriteOneAsync(Delete("x"));

        Assert.Equal(floor + 3, (await _shard.WriteOneAsync(Put("x"))).Version);
    }

    [Fact]
    public async Task Versions_grow_even_if_the_clock_stands_behind_the_last_one()
    {
        await _shard.WriteOneAsync(Put("x"));
        await _shard.Database.ExecuteAsync("update sharding.item set version = 9000000000000000");

        var answers = await _shard.WriteAsync(Put("x"), Put("x", condition: "present"), MergePatch("x", "{}"), Increment("x", """["n"]""", 1));

        Assert.Equal([9000000000000001, 9000000000000002, 9000000000000003, 9000000000000004], answers.Select(answer => answer.Version!.Value));
    }

    [Fact]
    public async Task Of_many_who_create_the_same_item_at_once_one_does()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => _shard.WriteOneAsync(Put("x", condition: "absent")))));

        Assert.Single(answers, answer => answer.Outcome == "created");
        Assert.Equal(19, answers.Count(answer => answer.Outcome == "precondition_failed" && answer.Version is not null));
    }

    [Fact]
    public async Task Increments_at_once_lose_none()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => _shard.WriteAsync(Increment("x", """["n"]""", 1), Increment("x", """["n"]""", 1)))));

        AssertJson.Equal("""{"n":40}""", (await _shard.ReadAsync("x")).Doc);
    }

    [Theory]
    [InlineData("frozen", "moving", "s2", true)]
    [InlineData("importing", "moving", "s2", false)]
    [InlineData("released", "not_owned", "s2", false)]
    public async Task A_slot_that_is_not_owned_takes_no_write_and_shows_no_row_unless_frozen(string state, string outcome, string peer, bool visible)
    {
        await _shard.WriteOneAsync(Put("x"));
        await _shard.OwnAsync(state, peer, epoch: 7);

        var answers = await _shard.WriteAsync(Put("x"), Delete("x"), Check("x"), MergePatch("x", "{}"), Put("y", condition: "absent"));
        var read = await _shard.ReadAsync("x");

        Assert.All(answers, answer => Assert.Equal(outcome, answer.Outcome));
        Assert.All(answers, answer => AssertJson.Equal($$"""{"state":"{{state}}","peer":"{{peer}}","epoch":7}""", answer.Detail));
        Assert.Equal((state, peer, 7L), (read.State, read.Peer, read.Epoch));
        Assert.Equal(visible, read.Version is not null);
    }

    [Fact]
    public async Task A_slot_that_was_never_here_is_not_owned()
    {
        await _shard.Database.ExecuteAsync("delete from sharding.slot_ownership");

        var answer = await _shard.WriteOneAsync(Put("x"));

        Assert.Equal("not_owned", answer.Outcome);
        AssertJson.Equal("""{"state":null,"peer":null,"epoch":null}""", answer.Detail);
        Assert.Null((await _shard.ReadAsync("x")).State);
    }

    private Task Expire(string id) =>
        _shard.Database.ExecuteAsync($"update sharding.item set expires_at = now() - interval '1 second' where id = '{id}'");
}
