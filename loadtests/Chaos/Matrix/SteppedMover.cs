using LoadTests.Chaos.Cluster;
using Npgsql;
using ShardCore.Moves;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace LoadTests.Chaos.Matrix;

/// <summary>
/// A mover in a process of its own that stops itself (SIGSTOP) as it enters a step, and goes on when it gets SIGCONT.
/// shardadmin's failpoints can end or hold a mover there, but one that is held never goes on; what a mover does that
/// slept through a takeover, a crash of a shard or a loss of the ring is what must be seen.
/// </summary>
internal static class SteppedMover
{
    /// <param name="redis">host:port</param>
    /// <param name="source">The shard whose journal it carries on.</param>
    /// <returns>0: it came to its end.</returns>
    public static async Task<int> RunAsync(string redis, string source, MoveStep stopAt, CancellationToken cancellation)
    {
        await using var connection = await RedisConnection.OpenAsync(redis);
        var rings = new RedisRingStore(connection, RingReading.Keys);
        var ring = await RingReading.ReadAsync(connection, cancellation) ?? throw new InvalidOperationException("There is no ring.");
        var from = ring.Find(new ShardId(source))!;
        var options = new MoveOptions { OnStep = (step, _) => StopAt(step, stopAt) };
        try
        {
            foreach (var batch in await UnfinishedAsync(from, cancellation))
                await new BatchMover(from, ring.Find(batch.Target)!, Configure, new RingPublication(rings, "matrix", RingBasis.OfRing), options)
                    .RunAsync(batch.Id, "matrix", takeOver: true, cancellation);
            return 0;
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync($"{e.GetType().Name}: {e.Message}");
            return 1;
        }
    }

    private static Task StopAt(MoveStep step, MoveStep stopAt)
    {
        if (step == stopAt)
            ProcessTree.StopSelf();
        return Task.CompletedTask;
    }

    private static async Task<IReadOnlyList<MoveBatch>> UnfinishedAsync(Shard from, CancellationToken cancellation)
    {
        var settings = new NpgsqlConnectionStringBuilder { Host = from.Host, Port = from.Port, Database = from.Database };
        Configure(settings);
        await using var shard = NpgsqlDataSource.Create(settings);
        return await new MoveJournal(shard).UnfinishedAsync(cancellation);
    }

    /// <summary>As shardadmin connects; the user is in PGUSER.</summary>
    private static void Configure(NpgsqlConnectionStringBuilder settings)
    {
        settings.Timeout = 5;
        settings.KeepAlive = 5;
    }
}
