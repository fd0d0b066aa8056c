using System.Diagnostics;
using System.Globalization;
using Npgsql;
using ShardCore.Tests.Fence;
using TestCluster;

namespace ShardCore.Tests.Items;

public sealed class BatchLoadTests(SharedPostgres postgres)
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task Batches_over_the_same_keys_in_any_order_never_deadlock()
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        string[] keys = ["a", "b", "c", "d", "e", "f"];
        var clock = Stopwatch.StartNew();

        var batches = await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            await using var connection = await shard.Database.DataSource.OpenConnectionAsync(CancellationToken.None);
            var count = 0;
            for (; clock.Elapsed < Duration; count++)
            {
                ShardOperation[] operations = [.. keys.SelectMany(pk => Enumerable.Range(0, 4).Select(id => RandomOperation(random, pk, id)))];
                random.Shuffle(operations);
                await WriteOrRefused(connection, random.Next(2) == 0, operations); // 40P01 would escape and fail the test
            }
            return count;
        })));

        Assert.All(batches, count => Assert.True(count > 0));
        Assert.Equal(0, await shard.Database.ScalarAsync<long>("select deadlocks from pg_stat_database where datname = current_database()"));
    }

    private static ShardOperation RandomOperation(Random random, string pk, int number)
    {
        var id = number.ToString(CultureInfo.InvariantCulture);
        return random.Next(6) switch
        {
            0 => ShardOperation.Put(id) with { Pk = pk },
            1 => ShardOperation.Put(id, condition: "absent") with { Pk = pk },
            2 => ShardOperation.Delete(id) with { Pk = pk },
            3 => ShardOperation.MergePatch(id, """{"a":1}""") with { Pk = pk },
            4 => ShardOperation.Increment(id, """["n"]""", 1) with { Pk = pk },
            _ => ShardOperation.Put(id, condition: "present") with { Pk = pk },
        };
    }

    private static async Task WriteOrRefused(NpgsqlConnection connection, bool atomic, ShardOperation[] operations)
    {
        try
        {
            await ShardUnderTest.WriteAsync(connection, atomic, operations);
        }
        catch (PostgresException e) when (e.SqlState == "SH003")
        {
        }
    }
}
