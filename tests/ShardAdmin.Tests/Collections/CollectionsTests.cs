using Npgsql;
using ShardAdmin.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Collections;

public sealed class CollectionsTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_created_collection_is_in_every_shard_and_listed()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);

        (await cluster.RunAsync("collections", "create", "orders")).Succeeds("was created");
        (await cluster.RunAsync("collections", "create", "orders")).Succeeds("exists already");

        var listed = Assert.Single((await cluster.RunAsync("collections", "list", "-o", "json")).Succeeds().Json.GetProperty("collections").EnumerateArray());
        Assert.Equal(("orders", "live"), (listed.GetProperty("name").GetString(), listed.GetProperty("state").GetString()));
    }

    [Fact]
    public async Task What_one_shard_lacks_is_told_by_list_and_doctor_and_mended_by_create()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        (await cluster.RunAsync("collections", "create", "orders")).Succeeds();
        await cluster.Database(2).ExecuteAsync("delete from sharding.collection");

        (await cluster.RunAsync("collections", "list")).Succeeds("incomplete", "s2");
        Assert.Equal(ExitCode.Precondition, (await cluster.RunAsync("doctor")).Exit);
        (await cluster.RunAsync("collections", "create", "orders")).Succeeds("was created");

        Assert.Equal(ExitCode.Done, (await cluster.RunAsync("doctor")).Exit);
    }

    [Fact]
    public async Task Deleting_asks_removes_every_row_of_that_collection_only_and_frees_the_name()
    {
        await using var cluster = await WithRowsAsync();

        (await cluster.RunAsync("collections", "delete", "orders")).Fails(ExitCode.Usage, "--yes", "Nothing was changed");
        (await cluster.RunAsync(null, ["collections", "delete", "orders"], input: "no\n")).Fails(ExitCode.NotAllowed, "Nothing was changed");
        (await cluster.RunAsync("collections", "delete", "orders", "-n")).Succeeds("Dry run");
        (await cluster.RunAsync(null, ["collections", "delete", "orders"], input: "yes\n")).Succeeds("with 24,000 items");

        foreach (var number in new[] { 1, 2 })
        {
            Assert.Equal(0, await cluster.Database(number).ScalarAsync<long>("select count(*) from sharding.item where collection = 'orders'"));
            Assert.Equal(10, await cluster.Database(number).ScalarAsync<long>("select count(*) from sharding.item where collection = 'kept'"));
        }
        (await cluster.RunAsync("collections", "delete", "orders", "-y")).Fails(ExitCode.NotFound, "no collection orders");
        (await cluster.RunAsync("collections", "create", "orders")).Succeeds("was created");
    }

    [Theory]
    [InlineData("marked")]
    [InlineData("counted")]
    public async Task A_crash_at_any_step_is_completed_by_the_same_command_and_the_name_is_not_free_before(string step)
    {
        await using var cluster = await WithRowsAsync();
        (await cluster.RunAsync(step, ["collections", "delete", "orders", "-y"])).Fails(ExitCode.Failed, "The same command completes");

        (await cluster.RunAsync("collections", "list")).Succeeds("beingDeleted");
        (await cluster.RunAsync("collections", "create", "orders")).Fails(ExitCode.Conflict, "being deleted");
        (await cluster.RunAsync("collections", "delete", "orders", "-y")).Succeeds();

        (await cluster.RunAsync("collections", "create", "orders")).Succeeds("was created");
        Assert.Equal(0, await cluster.Database(1).ScalarAsync<long>("select count(*) from sharding.item where collection = 'orders'"));
    }

    [Fact]
    public async Task A_writer_that_saw_the_collection_before_the_mark_is_waited_for_and_leaves_no_row()
    {
        await using var cluster = await WithRowsAsync();
        await using var connection = await cluster.Database(1).DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        // As write_items does: the slot's lock, the look at the collection, and only then, later, the row.
        await using (var look = new NpgsqlCommand("select pg_advisory_xact_lock_shared(1397246027, 3); select count(*) from sharding.collection where name = 'orders' and dropped_at is null", connection, transaction))
            await look.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        var deleting = cluster.RunAsync("collections", "delete", "orders", "-y");
        await Eventually.ThatAsync(
            async () => await cluster.Database(1).ScalarAsync<bool>("select dropped_at is not null from sharding.collection where name = 'orders'"), TimeSpan.FromSeconds(10), "the mark");
        await using (var write = new NpgsqlCommand("insert into sharding.item values (1, now(), null, 3, 'orders', 'late', 'i', '{}')", connection, transaction))
            await write.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        Assert.False(deleting.IsCompleted);
        await transaction.CommitAsync(TestContext.Current.CancellationToken);

        (await deleting).Succeeds("24,001 items");
        Assert.Equal(0, await cluster.Database(1).ScalarAsync<long>("select count(*) from sharding.item where collection = 'orders'"));
    }

    [Fact]
    public async Task Without_a_shard_there_is_nowhere_to_create_it()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        (await cluster.RunAsync("collections", "create", "c")).Fails(ExitCode.NotFound, "shardadmin init");
        (await cluster.RunAsync("init")).Succeeds();
        (await cluster.RunAsync("collections", "create", "c")).Fails(ExitCode.Precondition, "add-shard");
    }

    private async Task<AdminCluster> WithRowsAsync()
    {
        var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        foreach (var name in new[] { "orders", "kept" })
            (await cluster.RunAsync("collections", "create", name)).Succeeds();
        foreach (var number in new[] { 1, 2 })
            await cluster.Database(number).ExecuteAsync($"""
                insert into sharding.item select 1, now(), null, g % {Slot.Count}, 'orders', g::text, 'i', '{"{}"}' from generate_series(1, 6000) g;
                insert into sharding.item select 1, now(), null, 3, 'orders', g::text, 'j', '{"{}"}' from generate_series(1, 6000) g;
                insert into sharding.item select 1, now(), null, g, 'kept', g::text, 'i', '{"{}"}' from generate_series(1, 10) g;
                """);
        return cluster;
    }
}
