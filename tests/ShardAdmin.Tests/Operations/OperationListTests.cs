using ShardAdmin.Failures;
using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.Operations;

/// <summary>A history that is longer than anybody reads.</summary>
public sealed class OperationListTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task It_lists_what_is_unfinished_and_the_newest_of_the_others_each_whole()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await EndedAsync(cluster, 1, 60);
        await EndedAsync(cluster, 2, 60); // the other half of each operation
        await cluster.Database(2).ExecuteAsync("insert into sharding.move (move_id, operation_id, ordinal, target, slots, started_by, created_at) values (gen_random_uuid(), gen_random_uuid(), 0, 's1', '{1}', 'test', now() - interval '1 year')");

        var listed = await cluster.RunAsync("ops", "list", "-o", "json");
        var operations = listed.Succeeds().Json.GetProperty("operations").EnumerateArray().ToArray();

        Assert.Equal(51, operations.Length);
        Assert.Equal("unfinished", operations[0].GetProperty("state").GetString());
        Assert.Equal(Enumerable.Range(1, 50).Select(Operation), operations[1..].Select(each => each.GetProperty("id").GetGuid()));
        Assert.All(operations[1..], each => Assert.Equal(2, each.GetProperty("batches").GetInt32()));
        Assert.True(listed.Json.GetProperty("hasOlder").GetBoolean());
        Assert.Contains("Older ones are not listed: --limit 500", (await cluster.RunAsync("ops", "list")).Succeeds().Error, StringComparison.Ordinal);

        var all = (await cluster.RunAsync("ops", "list", "--limit", "60", "-o", "json")).Succeeds().Json;
        Assert.Equal(61, all.GetProperty("operations").GetArrayLength());
        Assert.False(all.GetProperty("hasOlder").GetBoolean());
        Assert.Equal(2, (await cluster.RunAsync("ops", "show", $"{Operation(60)}", "-o", "json")).Succeeds().Json.GetProperty("batches").GetInt32()); // whatever is listed
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1001")]
    [InlineData("many")]
    public async Task A_limit_that_is_none_is_refused(string limit)
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);

        (await cluster.RunAsync("ops", "list", "--limit", limit)).Fails(ExitCode.Usage, "--limit");
    }

    /// <summary>A shard forgets its oldest batches; what it still knows goes back, and the rest is told.</summary>
    [Fact]
    public async Task A_rollback_tells_which_batches_the_history_has_forgotten()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var slots = (await cluster.RingAsync())!.SlotsOf(new("s1"));
        (await cluster.RunAsync("move", $"{slots[0]},{slots[1]}", "--to", "s2", "--batch", "1", "--yes")).Succeeds();
        await cluster.Database(1).ExecuteAsync("delete from sharding.move_history where ordinal = 0");
        var id = (await cluster.RunAsync("ops", "list", "-o", "json")).Json.GetProperty("operations")[0].GetProperty("id").GetString()!;

        var run = (await cluster.RunAsync("ops", "rollback", id, "--yes")).Succeeds();

        Assert.Contains("1 batch of operation", run.Error, StringComparison.Ordinal);
        Assert.Equal("s2", (await cluster.RingAsync())!.OwnerOf(slots[0]).Id.Value);
        Assert.Equal("s1", (await cluster.RingAsync())!.OwnerOf(slots[1]).Id.Value);
    }

    private static Task EndedAsync(AdminCluster cluster, int number, int operations) => cluster.Database(number).ExecuteAsync($$"""
        insert into sharding.move_history (move_id, operation_id, ordinal, source, target, slots, attempts, bytes_copied, changes_applied, started_by, started_at)
        select gen_random_uuid(), lpad(n::text, 32, '0')::uuid, {{number - 1}}, 's{{number}}', 's9', '{1}', 1, 0, 0, 'test', now() - n * interval '1 hour'
        from generate_series(1, {{operations}}) n
        """);

    /// <summary>The newest is number 1.</summary>
    private static Guid Operation(int number) => Guid.Parse($"{number:D32}");
}
