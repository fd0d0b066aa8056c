using Npgsql;
using ShardCore.Shards;
using ShardRouter.Shards;

namespace ShardRouter.Consistency;

/// <summary>Waits until a primary shows what a session has seen at a standby.</summary>
/// <remarks>
/// A commit is written to the log, then sent to standbys, and only then shown: its session may be anywhere in between, on a busy machine
/// for milliseconds, and with a synchronous standby for as long as that takes. Every writer of items holds the fence's lock of its
/// slots (sharding.write_items, 2.) until its commit is shown. What a standby has shown was in the log before the token came, so its writer
/// is among those that hold such a lock now, or is done. When none of them holds it any more, all of it is shown.
/// </remarks>
internal static class VisibleCheck
{
    private const string WritersSql = """
        select coalesce(array_agg(distinct l.virtualtransaction), '{}') from pg_locks l
        where l.locktype = 'advisory' and l.classid = 1397246027 and l.granted
          and l.database = (select oid from pg_database where datname = current_database())
        """;

    /// <summary>A writer takes less, unless a standby is waited for.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(16);

    /// <param name="pool">Of the primary.</param>
    /// <param name="session">Its place is judged already.</param>
    /// <param name="deadline">The request's.</param>
    /// <exception cref="ShardCallException">It does not in time, and must not answer.</exception>
    public static async Task RequireAsync(ShardPool pool, RequestSession session, CancellationToken deadline)
    {
        if (!await IsShownAsync(pool, session, deadline))
            throw new ShardCallException(ShardFailure.Unavailable, pool.Shard.Id.Value);
    }

    private static async Task<bool> IsShownAsync(ShardPool pool, RequestSession session, CancellationToken deadline)
    {
        var shard = pool.Shard.Id;
        if (session.PlaceOf(shard) is not { } place || session.ShownByStandbys(shard, place.Timeline) is not (> 0 and var needed))
            return true;
        if (pool.Log!.Present is not { } present || present.Timeline != place.Timeline)
            return true; // whoever answers finds out that the timeline is another
        if (present.Shown < needed)
        {
            if (!await AreDoneAsync(pool, deadline))
                return false;
            present.Show(needed);
        }
        session.ShownByPrimary(shard, place.Timeline, needed);
        return true;
    }

    private static async Task<bool> AreDoneAsync(ShardPool pool, CancellationToken deadline)
    {
        try
        {
            var startedAt = Environment.TickCount64;
            var writers = await WritersAsync(pool, deadline);
            for (var pause = TimeSpan.FromMilliseconds(1); writers.Count > 0; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
            {
                if (Environment.TickCount64 - startedAt >= Limit.TotalMilliseconds)
                    return false;
                await Task.Delay(pause, deadline);
                writers.IntersectWith(await WritersAsync(pool, deadline));
            }
            return true;
        }
        catch (Exception e) when (e is ShardCallException or OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task<HashSet<string>> WritersAsync(ShardPool pool, CancellationToken deadline) =>
        [.. await pool.RunUncountedAsync(writes: false, call => WritersAsync(call.Connection), deadline)];

    private static async Task<string[]> WritersAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(WritersSql, connection);
        await command.PrepareOnceAsync();
        return await command.ReadValueAsync<string[]>(CancellationToken.None) ?? [];
    }
}
