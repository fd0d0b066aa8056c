using ShardCore.Moves.Batches;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>
/// Changes of the source that a move applies together, where a unique index lets a value be in one row only. The items are in one partition,
/// and v is unique there.
/// </summary>
public sealed class UniqueValuesTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly Slot Slot = SlotHash.Of("p");
    private static readonly MoveOptions Quick = new() { GraceBeforeCleaning = TimeSpan.FromMilliseconds(20) };

    [Theory]
    [InlineData("a gives a value up and b takes it", "set a z; set b x")]
    [InlineData("b gives a value up and a takes it", "set b z; set a y")]
    [InlineData("two swap their values", "set a z; set b x; set a y")]
    [InlineData("three pass them on", "set a z; set b x; set c y; set a w")]
    [InlineData("a row goes and a new one takes its value", "delete a; insert d x")]
    [InlineData("a row goes and another takes its value", "delete b; set a y")]
    [InlineData("a row goes and comes again", "delete a; insert a x")]
    [InlineData("rows go and come again with each other's values", "delete a; delete b; insert a y; insert b x")]
    [InlineData("a new row and an old one swap", "insert d z; set a t; set d x; set a z")]
    [InlineData("values come, swap and go", "insert d z; set a t; set d x; set a z; delete d; set b x; delete c; insert c y")]
    [InlineData("large documents that no change sends, beside two that swap", "touch large; set a z; set b x; set a y; touch large; touch other-large")]
    [InlineData("a large document that comes new, beside two that swap", "delete large; grow large; touch large; set a z; set b x; set a y")]
    public async Task Values_that_go_from_row_to_row_while_a_move_catches_up_arrive(string what, string changes)
    {
        Assert.NotEmpty(what);
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        foreach (var shard in (ShardId[])[MovingShards.First, MovingShards.Second])
            await shards.ExecuteAsync(shard, """
                insert into sharding.item_index (collection, name, fields, is_unique)
                values ('c', 'u', '[{"path": "v", "steps": ["v"], "type": null, "dir": "asc"}]', true);
                update sharding.item_index set state = 'ready'
                """);
        foreach (var change in (string[])["insert a x", "insert b y", "insert c q", "grow large", "grow other-large"])
            await ChangeAsync(shards, change);
        var batch = await shards.PlanAsync([Slot], MovingShards.First, MovingShards.Second);
        var options = Quick with
        {
            OnStep = async (at, _) =>
            {
                if (at == MoveStep.Copy) // behind the snapshot: all of it comes at once, when the copy is done
                    foreach (var change in changes.Split("; "))
                        await ChangeAsync(shards, change);
            },
        };

        await shards.Mover(MovingShards.First, MovingShards.Second, options).RunAsync(batch.Id, "test", false, CancellationToken.None); // which compares both sides

        Assert.Equal(2L, await shards.ScalarAsync<long>(
            MovingShards.Second,
            "select count(*) from pg_index x join pg_class c on c.oid = x.indexrelid "
            + "where c.relname in ('c.u', 'c.u.u') and x.indisvalid"));
        Assert.True(await shards.ScalarAsync<bool>(MovingShards.Second, "select exists (select from sharding.item)"));
        await shards.AssertCleanAsync([Slot], MovingShards.Second, MovingShards.First);
    }

    /// <summary>One transaction of the source.</summary>
    private static Task ChangeAsync(MovingShards shards, string change) => shards.ExecuteAsync(MovingShards.First, change.Split(' ') switch
    {
        ["set", var id, var value] =>
            $$"""update sharding.item set version = version + 1, doc = '{"v": "{{value}}"}' where slot = {{Slot}} and collection = 'c' and pk = 'p' and id = '{{id}}'""",
        ["insert", var id, var value] =>
            $$"""insert into sharding.item (version, updated_at, slot, collection, pk, id, doc) values (9, now(), {{Slot}}, 'c', 'p', '{{id}}', '{"v": "{{value}}"}')""",
        ["delete", var id] => $"delete from sharding.item where slot = {Slot} and collection = 'c' and pk = 'p' and id = '{id}'",
        ["grow", var id] => $"""
            insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
            select 9, now(), {Slot}, 'c', 'p', '{id}', jsonb_build_object('v', '{id}', 'text', (select string_agg(md5(n::text || random()), '') from generate_series(1, 500) n))
            """,
        ["touch", var id] =>
            $"update sharding.item set version = version + 1 where slot = {Slot} and collection = 'c' and pk = 'p' and id = '{id}'",
        _ => throw new ArgumentException(change),
    });
}
