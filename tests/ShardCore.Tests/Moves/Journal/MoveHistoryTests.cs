using TestCluster;

namespace ShardCore.Tests.Moves.Journal;

/// <summary>How long the history remembers a batch that is over.</summary>
public sealed class MoveHistoryTests(SharedPostgres postgres)
{
    private const int Kept = 20_000;

    private static readonly Guid Old = Guid.NewGuid();

    [Theory]
    [InlineData(false, Kept)]
    [InlineData(true, Kept + 5)]
    public async Task It_keeps_the_last_batches_and_those_of_an_operation_that_is_not_over(bool isUnfinished, int kept)
    {
        await using var shard = await postgres.CreateShardAsync();
        await LinesAsync(shard, Old, 5);
        await LinesAsync(shard, Guid.NewGuid(), Kept - 1);
        if (isUnfinished)
            await PlanAsync(shard, Old);
        var last = await PlanAsync(shard, Guid.NewGuid());

        await shard.ExecuteAsync($"select sharding.move_record('{last}', 'done')");
        await shard.ExecuteAsync($"select sharding.move_record('{last}', 'done')"); // as after an answer that was lost

        Assert.Equal(kept, await shard.ScalarAsync<long>("select count(*) from sharding.move_history"));
        Assert.Equal(isUnfinished ? 5 : 0, await shard.ScalarAsync<long>($"select count(*) from sharding.move_history where operation_id = '{Old}'"));
        Assert.True(await shard.ScalarAsync<bool>($"select exists (select from sharding.move_history where move_id = '{last}')"));
    }

    private static Task LinesAsync(TestDatabase shard, Guid operation, int count) => shard.ExecuteAsync($$"""
        insert into sharding.move_history (move_id, operation_id, source, target, slots, attempts, bytes_copied, changes_applied, started_by, started_at)
        select gen_random_uuid(), '{{operation}}', 's1', 's2', '{1}', 1, 0, 0, 'test', now() from generate_series(1, {{count}})
        """);

    private static async Task<Guid> PlanAsync(TestDatabase shard, Guid operation)
    {
        var batch = Guid.NewGuid();
        await shard.ExecuteAsync($$"""
            insert into sharding.move (move_id, operation_id, ordinal, target, slots, started_by) values ('{{batch}}', '{{operation}}', 0, 's2', '{1}', 'test')
            """);
        return batch;
    }
}
