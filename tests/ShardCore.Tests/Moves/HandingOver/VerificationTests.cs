using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves.HandingOver;

/// <summary>
/// A mover that carries on what another began compares the source's rows with those that the target had at the hand-over, whatever was
/// written since.
/// </summary>
public sealed class VerificationTests(SharedPostgres postgres, SharedRedis redis)
{
    private const string Pk = "p0";

    private static readonly Slot[] Slots = [SlotHash.Of(Pk)];
    private static readonly MoveOptions Quick = new() { GraceBeforeCleaning = TimeSpan.FromMilliseconds(20), StepLimit = TimeSpan.FromSeconds(30) };

    [Fact]
    public async Task What_the_target_wrote_changed_and_deleted_since_is_no_difference()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await BeginAsync(shards, MoveStep.Publish);
        await WriteAsync(shards, "put", "k1", "{\"n\":100}");
        await WriteAsync(shards, "put", "new", "{}");
        await WriteAsync(shards, "delete", "k2", null);

        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None);

        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
        Assert.Equal(20L, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.item"));
    }

    [Theory]
    [InlineData("update sharding.item set doc = '{\"n\":4}' where id = 'k3' returning 1::bigint")]
    [InlineData("update sharding.item set id = 'K3' where id = 'k3' returning 1::bigint")]
    [InlineData("update sharding.item set doc = '{\"n\":4}', version = version + 1000000000000000000 where id = 'k3' returning 1::bigint")]
    [InlineData("delete from sharding.item where id = 'k3' returning 1::bigint")]
    public async Task A_row_that_is_not_as_it_was_given_is_found_among_new_ones_and_the_sources_rows_stay(string damage)
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await BeginAsync(shards, MoveStep.Publish);
        await WriteAsync(shards, "put", "k1", "{\"n\":100}");
        await shards.ScalarAsync<long>(MovingShards.Second, damage);

        var failure = await Assert.ThrowsAsync<BatchDisputedException>(() =>
            shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None));

        Assert.Contains($"differ in the slots {Slots[0]}", failure.Message, StringComparison.Ordinal);
        Assert.Equal(20L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from sharding.item"));
    }

    [Fact]
    public async Task A_comparison_that_failed_stays_failed_for_every_mover_that_comes_and_for_who_cancels()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await BeginAsync(shards, MoveStep.Own);
        await shards.ScalarAsync<long>(MovingShards.Second, "with gone as (delete from sharding.item returning 1) select count(*) from gone");
        for (var attempt = 1; attempt <= 3; attempt++)
            await Assert.ThrowsAsync<BatchDisputedException>(() =>
                shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, $"mover {attempt}", takeOver: true, CancellationToken.None));

        Assert.False(await shards.Mover(MovingShards.First, MovingShards.Second, Quick).CancelAsync(batch.Id, isTargetGone: false, CancellationToken.None));
        Assert.Equal(20L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from sharding.item"));
        Assert.Equal("published", await shards.ScalarAsync<string>(MovingShards.First, "select phase from sharding.move where disputed is not null"));
    }

    [Fact]
    public async Task The_first_change_of_a_row_counts_and_not_the_last()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await BeginAsync(shards, MoveStep.Publish);
        await WriteAsync(shards, "put", "k1", "{\"n\":100}");
        await WriteAsync(shards, "delete", "k1", null);
        await WriteAsync(shards, "put", "k1", "{\"n\":101}");
        await WriteAsync(shards, "put", "new", "{}");
        await WriteAsync(shards, "delete", "new", null);
        await WriteAsync(shards, "merge_patch", "k4", "{\"n\":5}");

        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None);

        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
        Assert.Equal("{\"n\": 101}", await shards.ScalarAsync<string>(MovingShards.Second, "select doc::text from sharding.item where id = 'k1'"));
    }

    [Fact]
    public async Task A_row_that_is_missing_is_found_also_when_a_client_has_put_it_anew()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await BeginAsync(shards, MoveStep.Publish);
        await shards.ScalarAsync<long>(MovingShards.Second, "delete from sharding.item where id = 'k5' returning 1::bigint");
        await WriteAsync(shards, "put", "k5", "{\"n\":1}");

        await Assert.ThrowsAsync<BatchDisputedException>(() =>
            shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None));
        Assert.Equal(1L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from sharding.item where id = 'k5'"));
    }

    [Fact]
    public async Task Rows_that_expire_are_deleted_only_after_the_comparison()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.ScalarAsync<long>(
            MovingShards.First, $"insert into sharding.item (version, updated_at, expires_at, slot, collection, pk, id, doc) values (1, now(), now() - interval '1 hour', {Slots[0]}, 'c', '{Pk}', 'old', '{{}}') returning 1::bigint");
        var batch = await BeginAsync(shards, MoveStep.Publish);
        Assert.Equal(0, await shards.ScalarAsync<int>(MovingShards.Second, $"select (sharding.delete_expired(100, 'c', {Slots[0]})).deleted"));

        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None);
        Assert.Equal(1, await shards.ScalarAsync<int>(MovingShards.Second, $"select (sharding.delete_expired(100, 'c', {Slots[0]})).deleted"));
    }

    [Fact]
    public async Task As_long_as_the_target_does_not_own_a_row_that_is_missing_there_is_found_too()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await BeginAsync(shards, MoveStep.Own);
        await shards.ScalarAsync<long>(MovingShards.Second, "delete from sharding.item where id = 'k5' returning 1::bigint");

        var failure = await Assert.ThrowsAsync<BatchDisputedException>(() =>
            shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None));

        Assert.Contains($"differ in the slots {Slots[0]}", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_are_compared_in_the_order_of_the_database_whatever_characters_they_have()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var strange = "\U0001F600\uFFFD\u00E9";
        foreach (var id in strange.EnumerateRunes().Select(rune => rune.ToString()))
            await shards.ScalarAsync<long>(MovingShards.First, Insert(id));
        var batch = await BeginAsync(shards, MoveStep.Publish);
        await WriteAsync(shards, "put", "k1", "{\"n\":100}");
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    /// <summary>Twenty rows, moved by a mover that dies as the step begins.</summary>
    private static async Task<MoveBatch> BeginAsync(MovingShards shards, MoveStep dies)
    {
        for (var row = 0; row < 20; row++)
            await shards.ScalarAsync<long>(MovingShards.First, Insert($"k{row}"));
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var dying = Quick with { OnStep = (step, _) => step == dies ? throw new InvalidOperationException("failpoint") : Task.CompletedTask };
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            shards.Mover(MovingShards.First, MovingShards.Second, dying).RunAsync(batch.Id, "test", takeOver: false, CancellationToken.None));
        return batch;
    }

    private static string Insert(string id) =>
        $"insert into sharding.item (version, updated_at, slot, collection, pk, id, doc) values (1, now(), {Slots[0]}, 'c', '{Pk}', '{id}', '{{}}') returning 1::bigint";

    private static async Task WriteAsync(MovingShards shards, string operation, string id, string? doc)
    {
        var outcome = await shards.ScalarAsync<string>(
            MovingShards.Second,
            $"select outcome from sharding.write_items(false, array['{operation}'], array[{Slots[0]}::smallint], array['c'], array['{Pk}'], array['{id}'], array[{(doc is null ? "null" : $"'{doc}'")}::jsonb], array['none'], array[null], array[null::integer], array[false])");
        Assert.Contains(outcome, (string[])["created", "replaced", "deleted"]);
    }
}
