using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves.Journal;

/// <summary>Who is ended at a source by a mover that takes over.</summary>
public sealed class HungMoverTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_mover_that_is_idle_in_a_transaction_with_the_journal_is_ended_and_a_person_is_not()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync([new Slot(1)], MovingShards.First, MovingShards.Second);
        await using var mover = await BeginAsync(shards, "shardadmin mover", "select from sharding.move");
        await using var person = await BeginAsync(shards, "psql", "select from sharding.move");
        await Eventually.ThatAsync(
            async () => await shards.ScalarAsync<long>(MovingShards.First, $"select count(*) from pg_stat_activity where pid in ({mover.ProcessID}, {person.ProcessID}) and state_change < clock_timestamp() - interval '2.5s'") == 2,
            Limit, "both have been idle for long");

        await HungMover.EndAsync(shards.Of(MovingShards.First), batch.OperationId, "test", TestContext.Current.CancellationToken);

        await Eventually.ThatAsync(async () => await LivingAsync(shards, mover) == 0, Limit, "the mover's session has ended");
        Assert.Equal(1L, await LivingAsync(shards, person));
    }

    [Fact]
    public async Task A_person_whose_transaction_is_in_the_way_is_named()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync([new Slot(1)], MovingShards.First, MovingShards.Second);
        await using var person = await BeginAsync(shards, "psql", "select from sharding.move for update");

        var failure = await Assert.ThrowsAsync<MoveFailedException>(
            () => HungMover.EndAsync(shards.Of(MovingShards.First), batch.OperationId, "test", TestContext.Current.CancellationToken));

        Assert.Contains($"pid {person.ProcessID} (psql, user sharding, idle in transaction)", failure.Message, StringComparison.Ordinal);
        Assert.Equal(1L, await LivingAsync(shards, person));
    }

    private static Task<long> LivingAsync(MovingShards shards, NpgsqlConnection session) =>
        shards.ScalarAsync<long>(MovingShards.First, $"select count(*) from pg_stat_activity where pid = {session.ProcessID}");

    private static async Task<NpgsqlConnection> BeginAsync(MovingShards shards, string application, string sql)
    {
        var settings = new NpgsqlConnectionStringBuilder(shards.Of(MovingShards.First).ConnectionString) { ApplicationName = application, Pooling = false };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"begin; {sql}", connection);
        await command.ExecuteNonQueryAsync();
        return connection;
    }
}
