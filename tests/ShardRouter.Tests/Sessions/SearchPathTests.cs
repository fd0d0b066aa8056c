using System.Globalization;
using ShardCore.Ring;
using TestCluster;

namespace ShardRouter.Tests.Sessions;

/// <summary>
/// Somebody makes a function in <c>public</c> that has the name and exactly the arguments of one that the fence calls, and so fits
/// better.
/// </summary>
public sealed class SearchPathTests(SharedPostgres postgres, SharedRedis redis)
{
    private const int LockClass = 1_397_246_027; // of sharding.write_items

    [Fact]
    public async Task It_is_not_called_and_a_batch_takes_its_slot_locks()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 1);
        var database = cluster["s1"].Database;
        await database.ExecuteAsync("create function public.unnest(smallint[]) returns setof smallint language sql immutable as 'select null::smallint where false'");
        await using var router = await cluster.StartRouterAsync();
        var items = await ApiCollection.CreateAsync(router.Api);
        var slot = SlotHash.Of("pk").Value.ToString(CultureInfo.InvariantCulture);

        await using var taker = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await taker.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var command = new Npgsql.NpgsqlCommand($"select pg_advisory_xact_lock({LockClass}, {slot})", taker))
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var reply = await router.Api.PostAsync(
            items.Address + ":batchWrite", """{"ops":[{"op":"put","pk":"pk","id":"a","doc":{} },{"op":"put","pk":"pk","id":"b","doc":{} }]}""", ("Request-Timeout", "0.5"));
        await transaction.RollbackAsync(TestContext.Current.CancellationToken);

        Assert.All(reply.Expect(207).Json.GetProperty("results").EnumerateArray(), result => Assert.Equal(504, result.GetProperty("status").GetInt32()));
        Assert.Equal(0L, await database.ScalarAsync<long>("select count(*) from sharding.item"));
    }
}
