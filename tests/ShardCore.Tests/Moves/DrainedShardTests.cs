using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Changes;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>A shard that has given everything away is emptied at once, and no other is.</summary>
public sealed class DrainedShardTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly Slot Kept = new(7);
    private static readonly MoveOptions Quick = new() { GraceBeforeCleaning = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public async Task A_shard_that_has_given_everything_away_is_emptied_without_deleting_row_by_row()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await KeepOnlyAsync(shards, Kept);
        await shards.FillAsync(MovingShards.First, Kept, 500, 100);

        await MoveAsync(shards, [Kept]);

        await shards.AssertCleanAsync([Kept], MovingShards.Second, MovingShards.First);
        Assert.Equal(0L, await shards.ScalarAsync<long>(MovingShards.First, "select pg_relation_size('sharding_items.c') + pg_relation_size('sharding_items.d')"));
        Assert.Equal(500L, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.item"));
    }

    [Fact]
    public async Task A_shard_that_keeps_slots_keeps_their_rows()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.FillAsync(MovingShards.First, Kept, 50, 100);
        await shards.FillAsync(MovingShards.First, new Slot(8), 500, 100);

        await MoveAsync(shards, [new Slot(8)]);

        await shards.AssertCleanAsync([new Slot(8)], MovingShards.Second, MovingShards.First);
        Assert.Equal(50L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from sharding.item"));
    }

    [Theory]
    [InlineData("insert into sharding.slot_ownership (slot, state, epoch) values (1, 'owned', 1)")]
    [InlineData("insert into sharding.slot_ownership (slot, state, epoch) values (1, 'frozen', 1)")]
    [InlineData("insert into sharding.slot_ownership (slot, state, epoch) values (1, 'importing', 1)")]
    [InlineData("insert into sharding.move (move_id, operation_id, ordinal, target, slots, phase, started_by) values (gen_random_uuid(), gen_random_uuid(), 0, 's2', '{7}', 'published', 'test')")]
    public async Task It_is_not_emptied_while_there_is(string somethingToKeep)
    {
        await using var shards = await DrainedAsync();
        await ExecuteAsync(shards, somethingToKeep);

        Assert.False(await shards.ScalarAsync<bool>(MovingShards.First, "select sharding.move_empty()"));
        Assert.Equal(50L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from sharding.item"));
    }

    /// <summary>The look without the lock may be of before the import began; the one with the lock is not.</summary>
    [Fact]
    public async Task An_import_that_begins_while_it_waits_for_the_table_is_seen()
    {
        await using var shards = await DrainedAsync();
        await ExecuteAsync(shards, "alter function sharding.move_empty() set lock_timeout = '30s'");
        await using var connection = await shards.Of(MovingShards.First).OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var reader = await ReadAsync(connection);

        var emptying = shards.ScalarAsync<bool>(MovingShards.First, "select sharding.move_empty()");
        await Eventually.ThatAsync(
            async () => await shards.ScalarAsync<bool>(MovingShards.First, "select exists (select from pg_locks where mode = 'AccessExclusiveLock' and not granted and database = (select oid from pg_database where datname = current_database()))"),
            TimeSpan.FromSeconds(30), "it waits for the table");
        await ExecuteAsync(shards, "insert into sharding.slot_ownership (slot, state, epoch) values (1, 'importing', 1)");
        await reader.CommitAsync(TestContext.Current.CancellationToken);

        Assert.False(await emptying);
        Assert.Equal(50L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from sharding.item"));
    }

    [Fact]
    public async Task It_does_not_wait_for_long_for_who_uses_the_table()
    {
        await using var shards = await DrainedAsync();
        await using var connection = await shards.Of(MovingShards.First).OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var reader = await ReadAsync(connection);

        Assert.False(await shards.ScalarAsync<bool>(MovingShards.First, "select sharding.move_empty()"));
    }

    [Theory]
    [InlineData("{5}", "{5}", "slot in (5)")]
    [InlineData("{1,7,11}", "{1,9,11}", "slot between 7::smallint and 9::smallint or slot in (1,11)")]
    [InlineData("{7}", "{9}", "slot between 7::smallint and 9::smallint")]
    public async Task A_publication_filters_by_runs(string first, string last, string filter)
    {
        await using var shards = await DrainedAsync();
        Assert.Equal(filter, await shards.ScalarAsync<string>(MovingShards.First, $"select sharding.slots_filter('{first}', '{last}')"));
    }

    /// <summary>With 50 rows left, of a slot that it has given away.</summary>
    private async Task<MovingShards> DrainedAsync()
    {
        var shards = await MovingShards.StartAsync(postgres, redis);
        await KeepOnlyAsync(shards, Kept);
        await shards.FillAsync(MovingShards.First, Kept, 50, 100);
        await ExecuteAsync(shards, "update sharding.slot_ownership set state = 'released'");
        return shards;
    }

    /// <summary>A transaction that has the table in use.</summary>
    private static async Task<NpgsqlTransaction> ReadAsync(NpgsqlConnection connection)
    {
        var reader = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var read = new NpgsqlCommand("select count(*) from sharding.item", connection);
        await read.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        return reader;
    }

    private static async Task KeepOnlyAsync(MovingShards shards, Slot slot) => await ExecuteAsync(shards, $"delete from sharding.slot_ownership where slot <> {slot}");

    private static async Task ExecuteAsync(MovingShards shards, string sql)
    {
        await using var command = shards.Of(MovingShards.First).CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task MoveAsync(MovingShards shards, Slot[] slots)
    {
        var batch = await shards.PlanAsync(slots, MovingShards.First, MovingShards.Second);
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", takeOver: false, TestContext.Current.CancellationToken);
    }
}
