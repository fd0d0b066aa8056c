using System.Diagnostics;
using ShardCore.Moves.Batches;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>A source that is stopped, or switched over to its standby, waits for whoever streams changes from it.</summary>
public sealed class SourceShutdownTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly Slot[] Slots = [SlotHash.Of("p0"), SlotHash.Of("p1")];

    [Fact]
    public async Task A_source_stops_promptly_while_a_mover_streams_from_it()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(server, await postgres.ServerAsync(), redis);
        await shards.FillAsync(MovingShards.First, Slots[0], rows: 20, documentBytes: 100);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        TimeSpan? took = null;
        var options = new MoveOptions
        {
            OnStep = async (at, _) =>
            {
                if (at != MoveStep.Freeze)
                    return;
                await server.ExecuteAsync("create table public.noise as select generate_series(1, 50000)"); // concerns no slot, and is in the log
                var clock = Stopwatch.StartNew();
                await server.StopAsync(PostgresShutdown.Fast);
                took = clock.Elapsed;
            },
        };

        await Assert.ThrowsAnyAsync<Exception>(
            () => shards.Mover(MovingShards.First, MovingShards.Second, options).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.True(took < TimeSpan.FromSeconds(10), $"It took {took}.");
        await server.StartAsync();
    }
}
