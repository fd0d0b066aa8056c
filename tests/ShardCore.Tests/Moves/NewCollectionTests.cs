using ShardCore.Moves.Batches;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>Collections that the target does not have when a batch's rows come.</summary>
public sealed class NewCollectionTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly Slot[] Slots = [SlotHash.Of("p0"), SlotHash.Of("p1")];
    private static readonly MoveOptions Quick = new() { GraceBeforeCleaning = TimeSpan.FromMilliseconds(20) };

    [Theory]
    [InlineData(MoveStep.Begin)]
    [InlineData(MoveStep.ReplicationSlot)] // behind the publication
    [InlineData(MoveStep.Copy)] // behind the snapshot
    [InlineData(MoveStep.CatchUp)]
    [InlineData(MoveStep.Freeze)]
    public async Task A_collection_that_is_made_at_the_source_while_a_batch_is_on_its_way_arrives_with_its_rows(MoveStep step)
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.FillAsync(MovingShards.First, Slots[0], 100, documentBytes: 100);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var options = Quick with { OnStep = (at, _) => at == step ? MakeAsync(shards) : Task.CompletedTask };

        await shards.Mover(MovingShards.First, MovingShards.Second, options).RunAsync(batch.Id, "test", false, CancellationToken.None); // which compares both sides

        Assert.Equal(1L, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding_items.late"));
        Assert.Equal(
            await shards.ScalarAsync<string>(MovingShards.First, "select created_at::text from sharding.collection where name = 'late'"),
            await shards.ScalarAsync<string>(MovingShards.Second, "select created_at::text from sharding.collection where name = 'late'"));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task A_target_that_lost_collections_gets_them_back()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.FillAsync(MovingShards.First, Slots[0], 100, documentBytes: 100);
        await shards.ExecuteAsync(MovingShards.Second, "delete from sharding.collection");
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);

        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", false, CancellationToken.None);

        Assert.Equal("c,d", await shards.ScalarAsync<string>(MovingShards.Second, "select string_agg(name, ',' order by name) from sharding.collection"));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task A_batch_with_very_many_collections_arrives_whole()
    {
        const int Collections = 150;
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.ExecuteAsync(MovingShards.First, $"insert into sharding.collection (name) select 'many' || n from generate_series(1, {Collections}) n");
        await shards.ExecuteAsync(MovingShards.First, FormattableString.Invariant($"""
            insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
            select 1, now(), {Slots[0]}, 'many' || n, 'p0', 'x', '[]' from generate_series(1, {Collections}) n
            """));
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);

        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", false, CancellationToken.None);

        Assert.Equal((long)Collections, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.item where collection like 'many%'"));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    private static async Task MakeAsync(MovingShards shards)
    {
        await shards.ExecuteAsync(MovingShards.First, "insert into sharding.collection (name) values ('late') on conflict (name) do nothing");
        await shards.ExecuteAsync(MovingShards.First, FormattableString.Invariant($$"""
            insert into sharding.item (version, updated_at, slot, collection, pk, id, doc) values (1, now(), {{Slots[1]}}, 'late', 'p1', 'x', '{}') on conflict do nothing
            """));
    }
}
