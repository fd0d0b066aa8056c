using TestCluster;
using static ShardRouter.Tests.Consistency.StandbyCluster;

namespace ShardRouter.Tests.Consistency;

/// <summary>Who answers which read, while the standby applies nothing and after it goes on.</summary>
public sealed class StandbyReadTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private StandbyCluster _own = null!;
    private string _pk = "";

    private ApiCollection Items => _own.Items;

    public async ValueTask InitializeAsync()
    {
        _own = await StandbyCluster.StartAsync(postgres, redis);
        _pk = _own.Cluster.PartitionOf("s1");
    }

    [Fact]
    public async Task An_eventual_read_shows_what_the_standby_has_and_a_strong_one_what_was_written()
    {
        await _own.PauseReplayAsync();
        (await Items.PutAsync(_pk, "x", """{"n":1}""")).Expect(200);

        var eventual = await FromStandbyAsync(Eventual);
        var list = await new Func<Task<ApiReply>>(() => Items.Api.GetAsync(Items.AddressOf(_pk), Eventual)).FromStandbyAsync();
        var batch = await Items.Api.PostAsync(
            Items.Address + ":batchGet", $$"""{"keys":[{"pk":"{{_pk}}","id":"x"},{"pk":"{{_own.Cluster.PartitionOf("s2")}}","id":"x"}]}""", Eventual);

        Assert.Equal(0, eventual.N());
        Assert.Null(eventual["Session-Token"]);
        await new Func<Task<ApiReply>>(() => Items.HeadAsync(_pk, "x", Eventual)).FromStandbyAsync();
        Assert.Equal(0, list.Json.GetProperty("items")[0].GetProperty("doc").GetProperty("n").GetInt32());
        Assert.Equal("primary, standby", batch.Expect(207).From());
        Assert.Equal(0, batch.Json.GetProperty("results")[0].GetProperty("doc").GetProperty("n").GetInt32());
        foreach (var strong in new[] { await Items.GetAsync(_pk, "x"), await Items.GetAsync(_pk, "x", ("Read-Consistency", "strong")) })
        {
            Assert.Equal(1, strong.N());
            Assert.Null(strong.From());
            Assert.Null(strong["Session-Token"]);
        }
        Assert.True(await _own.Router.MetricAsync("sharding_standby_reads_total", "shard=\"s1\"") >= 3);

        await _own.ResumeReplayAsync();
        await _own.CaughtUpAsync();
        Assert.Equal(1, (await FromStandbyAsync(Eventual)).N());
    }

    [Fact]
    public async Task A_session_reads_its_own_write_at_the_primary_until_the_standby_has_it()
    {
        await _own.PauseReplayAsync();
        var put = (await Items.PutAsync(_pk, "x", """{"n":1}""", Session)).Expect(200);

        var read = await Items.GetAsync(_pk, "x", put.Next());
        var list = await Items.Api.GetAsync(Items.AddressOf(_pk), put.Next());
        var batch = await Items.Api.PostAsync(Items.Address + ":batchGet", $$"""{"keys":[{"pk":"{{_pk}}","id":"x"}]}""", put.Next());

        Assert.Equal((1, "primary"), (read.N(), read.From()));
        Assert.Equal("primary", list.Expect(200).From());
        Assert.Equal(1, list.Json.GetProperty("items")[0].GetProperty("doc").GetProperty("n").GetInt32());
        Assert.Equal("primary", batch.Expect(200).From());
        await Eventually.ThatAsync(
            async () => (await Items.GetAsync(_pk, "x", put.Next())).N() == 1 && await _own.FallbacksAsync("Behind") > 0, Limit, "the standby was asked");
        // A session that knows nothing of it is content with what is there.
        Assert.Equal(0, (await FromStandbyAsync(Session)).N());

        await _own.ResumeReplayAsync();
        await _own.CaughtUpAsync();
        Assert.Equal(1, (await FromStandbyAsync(read.Next())).N());
        await new Func<Task<ApiReply>>(() => Items.Api.GetAsync(Items.AddressOf(_pk), read.Next())).FromStandbyAsync();
    }

    [Fact]
    public async Task A_token_is_good_at_every_router()
    {
        var others = await _own.ItemsOfNewRouterAsync();
        await _own.PauseReplayAsync();
        var put = (await Items.PutAsync(_pk, "x", """{"n":1}""", Session)).Expect(200);

        var read = await others.GetAsync(_pk, "x", put.Next());
        Assert.Equal((1, "primary"), (read.N(), read.From()));
        var again = (await others.PutAsync(_pk, "x", """{"n":2}""", read.Next())).Expect(200);
        Assert.Equal(2, (await Items.GetAsync(_pk, "x", again.Next())).N());

        await _own.ResumeReplayAsync();
        await _own.CaughtUpAsync();
        Assert.Equal(2, (await new Func<Task<ApiReply>>(() => others.GetAsync(_pk, "x", again.Next())).FromStandbyAsync()).N());
    }

    [Fact]
    public async Task What_a_session_saw_by_any_read_it_sees_ever_after()
    {
        var empty = (await Items.GetAsync(_pk, "x", Session)).Expect(200);
        await _own.PauseReplayAsync();
        (await Items.PutAsync(_pk, "x", """{"n":1}""")).Expect(200); // somebody else

        var strong = await Items.GetAsync(_pk, "x", ("Session-Token", empty.Token()));
        Assert.Equal(1, strong.N());

        var after = await Items.GetAsync(_pk, "x", strong.Next());
        Assert.Equal((1, "primary"), (after.N(), after.From()));
        // An eventual read of the same session may be older, and takes nothing away from what the session needs.
        var eventual = await FromStandbyAsync(Eventual, ("Session-Token", after.Token()));
        Assert.Equal(0, eventual.N());
        Assert.Equal(1, (await Items.GetAsync(_pk, "x", eventual.Next())).N());
    }

    [Fact]
    public async Task Tokens_of_requests_that_ran_at_the_same_time_count_together()
    {
        await _own.PauseReplayAsync();
        var empty = (await Items.GetAsync(_pk, "x", Session)).Token();
        var put = (await Items.PutAsync(_pk, "x", """{"n":1}""", Session)).Expect(200).Token();

        foreach (var both in new[] { $"{empty}, {put}", $"{put},{empty}" })
            Assert.Equal(1, (await Items.GetAsync(_pk, "x", Session, ("Session-Token", both))).N());
        Assert.Equal(1, (await Items.GetAsync(_pk, "x", Session, ("Session-Token", empty), ("Session-Token", put))).N());
    }

    [Fact]
    public async Task Every_kind_of_write_is_seen_by_the_session()
    {
        await _own.PauseReplayAsync();
        var id = 0;
        foreach (var write in new Func<string, Task<ApiReply>>[]
        {
            one => Items.PutAsync(_pk, one, """{"n":1}""", Session),
            one => Items.Api.PostAsync(Items.Address + ":batchWrite", $$"""{"ops":[{"op":"put","pk":"{{_pk}}","id":"{{one}}","doc":{"n":1} }]}""", Session),
            one => Items.Api.PostAsync(
                "/v1:transact", $$"""{"pk":"{{_pk}}","ops":[{"op":"increment","collection":"{{Items.Name}}","id":"{{one}}","path":"n","by":1}]}""", Session),
            one => Items.MergePatchAsync(_pk, one, """{"n":1}""", Session, ("If-None-Match", "*")),
        })
        {
            var one = $"w{id++}";
            var written = await write(one);
            Assert.True(written.Status is 200 or 201, written.ToString());
            Assert.Equal(1, (await Items.GetAsync(_pk, one, written.Next())).N());
            var deleted = (await Items.DeleteAsync(_pk, one, written.Next())).Expect(204);
            (await Items.GetAsync(_pk, one, deleted.Next())).ExpectProblem(404, "item-not-found");
        }
        var posted = (await Items.PostAsync(_pk, """{"n":1}""", Session)).Expect(201);
        Assert.Equal(1, (await Items.Api.GetAsync(posted["Location"]!, posted.Next())).N());
        // What was refused has been seen too.
        var refused = (await Items.PutAsync(_pk, "x", "{}", Session, ("If-None-Match", "*"))).ExpectProblem(412, "precondition-failed");
        Assert.Equal(0, (await Items.GetAsync(_pk, "x", refused.Next())).N());
    }

    /// <summary>A commit that waits for a synchronous standby is shown by every standby that has it, and not by the primary.</summary>
    [Fact]
    public async Task What_a_standby_showed_before_the_primary_is_not_taken_back()
    {
        await using var ghost = await GhostStandby.AppearAsync(_own.Primary);
        var put = Items.PutAsync(_pk, "x", """{"n":1}""", ("Request-Timeout", "20"));
        ApiReply seen = null!;
        await Eventually.ThatAsync(async () => (seen = await Items.GetAsync(_pk, "x", Session)).N() == 1, Limit, "the standby shows it");
        Assert.Equal("standby", seen.From());
        Assert.Equal(0, (await Items.GetAsync(_pk, "x")).N());
        Assert.False(put.IsCompleted);

        (await Items.GetAsync(_pk, "x", ("Session-Token", seen.Token()))).ExpectProblem(503, "shard-unavailable");
        (await Items.DeleteAsync(_pk, "x", ("Session-Token", seen.Token()))).ExpectProblem(503, "shard-unavailable");
        Assert.Equal(1, (await Items.GetAsync(_pk, "x", seen.Next())).N());

        await ghost.CancelWaitsAsync();
        await put;
        Assert.Equal(1, (await Items.GetAsync(_pk, "x", ("Session-Token", seen.Token()))).N());
    }

    /// <summary>A made-up place, or one from before a restore, says nothing of what the primary shows by now.</summary>
    [Fact]
    public async Task A_place_that_the_primary_does_not_reach_lets_no_other_session_go_back()
    {
        (await Items.GetAsync(_pk, "x", ("Session-Token", "1.1"))).Expect(200);
        var madeUp = ("Session-Token", "1.1.s1:1:FFFFFFFF00000000~FFFFFFFF00000000");
        (await Items.GetAsync(_pk, "x", madeUp)).ExpectProblem(409, "session-lost");
        await using var ghost = await GhostStandby.AppearAsync(_own.Primary);
        var put = Items.PutAsync(_pk, "x", """{"n":1}""", ("Request-Timeout", "20"));
        ApiReply seen = null!;
        await Eventually.ThatAsync(async () => (seen = await Items.GetAsync(_pk, "x", Session)).N() == 1, Limit, "the standby shows it");

        (await Items.GetAsync(_pk, "x", ("Session-Token", seen.Token()))).ExpectProblem(503, "shard-unavailable");

        await ghost.CancelWaitsAsync();
        await put;
    }

    /// <summary>One that waits for a row has shown nothing, and may wait for long.</summary>
    [Fact]
    public async Task A_writer_that_waits_for_a_row_is_in_the_way_of_its_own_slot_only()
    {
        var other = _own.Cluster.PartitionOf("s1", 1);
        await using var blocker = await _own.Cluster["s1"].Database.DataSource.OpenConnectionAsync();
        await using var transaction = await blocker.BeginTransactionAsync();
        await using (var command = blocker.CreateCommand())
        {
            command.CommandText = "select from sharding.item for update";
            await command.ExecuteNonQueryAsync();
        }
        var put = Items.PutAsync(_pk, "x", """{"n":1}""", ("Request-Timeout", "20"));
        await Eventually.ThatAsync(
            async () => await _own.Primary.ScalarAsync<long>(
                "select count(*) from pg_stat_activity where application_name like 'router %' and wait_event = 'transactionid' "
                    + "and xact_start < clock_timestamp() - interval '200 ms'") > 0, // alone: what is gathered waits for 25 ms
            Limit, "the writer waits");
        var seen = await FromStandbyAsync(Session);

        var written = (await Items.PutAsync(other, "y", """{"n":2}""", ("Session-Token", seen.Token()))).Expect(201);
        Assert.Equal(2, (await Items.GetAsync(other, "y", ("Session-Token", written.Token()))).N());
        (await Items.GetAsync(_pk, "x", ("Session-Token", written.Token()))).ExpectProblem(503, "shard-unavailable");

        await transaction.RollbackAsync();
        (await put).Expect(200);
        Assert.Equal(1, (await Items.GetAsync(_pk, "x", ("Session-Token", written.Token()))).N());
    }

    private Task<ApiReply> FromStandbyAsync(params (string, string)[] with) =>
        new Func<Task<ApiReply>>(() => Items.GetAsync(_pk, "x", with)).FromStandbyAsync();

    public ValueTask DisposeAsync() => _own.DisposeAsync();
}
