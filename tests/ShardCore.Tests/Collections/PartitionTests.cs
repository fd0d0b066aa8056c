using Npgsql;
using ShardCore.Tests.Fence;
using TestCluster;

namespace ShardCore.Tests.Collections;

/// <summary>The partition of a collection comes and goes with its row, and others read and write meanwhile.</summary>
public sealed class PartitionTests(SharedPostgres postgres)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("a")]
    [InlineData("order-lines_2")]
    [InlineData("select")]
    [InlineData("things_pkey")] // as Postgres would call an index of another collection
    [InlineData("op")] // as a variable of the function is called
    [InlineData("a23456789012345678901234567890123456789012345678901234567890123")]
    public async Task Any_name_that_a_collection_can_have_is_that_of_its_partition(string name)
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await shard.Database.ExecuteAsync($"insert into sharding.collection (name) values ('{name}')");

        var write = ShardOperation.Put("x") with { Collection = name };
        Assert.All(await shard.WriteAsync(write, write with { Id = "y", Condition = "absent" }), answer => Assert.Equal("created", answer.Outcome));
        Assert.Equal("replaced", Assert.Single(await shard.WriteAsync(write)).Outcome);

        Assert.Equal(2L, await shard.Database.ScalarAsync<long>($"select count(*) from sharding_items.\"{name}\""));
        Assert.Equal("{}", (await shard.ReadAsync("x", collection: name)).Doc);
        await shard.Database.ExecuteAsync($"delete from sharding.collection where name = '{name}'");
        Assert.Equal(0L, await shard.Database.ScalarAsync<long>(
            "select count(*) from pg_class where relnamespace = 'sharding_items'::regnamespace and relname not in ('things', 'things.pkey', 'things.expires_at')"));
        Assert.Equal(2L, await shard.Database.ScalarAsync<long>("select count(*) from pg_proc where pronamespace = 'sharding_items'::regnamespace"));
    }

    [Fact]
    public async Task A_partition_has_what_a_move_and_the_sweep_rest_on()
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);

        Assert.Equal("d {fillfactor=90}", await shard.Database.ScalarAsync<string>(
            "select relreplident::text || ' ' || reloptions::text from pg_class where oid = 'sharding_items.things'::regclass"));
        Assert.Equal(
            "things.expires_at (slot, expires_at) WHERE (expires_at IS NOT NULL), things.pkey (slot, collection, pk, id)",
            await shard.Database.ScalarAsync<string>(
                "select string_agg(indexname || ' ' || substr(indexdef, strpos(indexdef, '(')), ', ' order by indexname) "
                + "from pg_indexes where schemaname = 'sharding_items'"));
        Assert.Equal("keep_deleted_version", await shard.Database.ScalarAsync<string>("select string_agg(tgname, ',') from pg_trigger where tgrelid = 'sharding_items.things'::regclass"));
        Assert.Equal(2L, await shard.Database.ScalarAsync<long>( // attached: none is made twice
            "select count(*) from pg_inherits i join pg_index x on x.indexrelid = i.inhrelid "
            + "where x.indrelid = 'sharding_items.things'::regclass"));
    }

    [Fact]
    public async Task A_collection_is_made_while_others_read_and_write_all_items()
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await using var other = await shard.BeginAsync();
        await other.RunAsync("select count(*) from sharding.item"); // locks the partitioned table and all partitions
        Assert.Equal("created", Assert.Single(await other.WriteAsync(ShardOperation.Put("x"))).Outcome);

        await shard.Database.ExecuteAsync("insert into sharding.collection (name) values ('new')").WaitAsync(Limit);
        Assert.Equal("created", Assert.Single(await shard.WriteAsync(ShardOperation.Put("x") with { Collection = "new" })).Outcome);
        await other.CommitAsync();
    }

    [Fact]
    public async Task Who_deletes_a_collection_gives_up_soon_while_somebody_reads_all_items_and_routers_go_on_all_the_time()
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        await shard.Database.ExecuteAsync("insert into sharding.collection (name, dropped_at) values ('old', now())");
        await using var reader = await shard.BeginAsync();
        await reader.RunAsync("select count(*) from sharding.item");

        var forgetting = shard.Database.ScalarAsync<bool>("select sharding.collection_forget('old')");
        Assert.Equal("created", (await shard.WriteOneAsync(ShardOperation.Put("x")).WaitAsync(Limit)).Outcome);
        Assert.Equal(PostgresErrorCodes.LockNotAvailable, (await Assert.ThrowsAsync<PostgresException>(() => forgetting.WaitAsync(Limit))).SqlState);
        await reader.CommitAsync();

        Assert.True(await shard.Database.ScalarAsync<bool>("select sharding.collection_forget('old')"));
        Assert.True(await shard.Database.ScalarAsync<bool>("select to_regclass('sharding_items.old') is null"));
    }

    [Fact]
    public async Task A_partition_and_its_functions_have_the_rights_of_the_table_and_of_write_items()
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        var role = $"reader_{Guid.NewGuid():N}";
        await shard.Database.ExecuteAsync($"""
            create role {role}; grant select on sharding.item to {role}; grant execute on function sharding.write_items to {role};
            insert into sharding.collection (name) values ('new')
            """);

        Assert.Equal("t f t t", await shard.Database.ScalarAsync<string>($"""
            select concat_ws(' ', has_table_privilege('{role}', 'sharding_items.new', 'select'), has_table_privilege('{role}', 'sharding_items.new', 'insert'),
                             bool_and(has_function_privilege('{role}', oid, 'execute')), count(*) = 2)
            from pg_proc where pronamespace = 'sharding_items'::regnamespace and proname = 'new'
            """));
        await shard.Database.ExecuteAsync($"drop owned by {role}; drop role {role}");
    }
}
