using System.Globalization;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardRouter.Shards;

namespace ShardRouter.Consistency;

/// <summary>Waits until a primary shows what a session has seen at a standby.</summary>
/// <remarks>
/// A commit is written to the log, then sent to standbys, and only then shown: its session may be anywhere in between, on a busy machine
/// for milliseconds, and with a synchronous standby for as long as that takes. Every writer of items holds the fence's lock of its
/// slots (sharding.write_items, 2.) until its commit is shown. What a standby has shown was in the log before the token came, so its writer
/// is among those that hold such a lock now, or is done. When none of them holds it any more, all of it is shown. A request waits for
/// those on its own slots only: another one may wait for a row, for as long as somebody has that.
/// </remarks>
internal static class VisibleCheck
{
    /// <summary>Who is inside, and of which slot: for each a text with a space between the two.</summary>
    private const string WritersSql = """
        select coalesce(array_agg(distinct l.virtualtransaction || ' ' || l.objid), '{}') from pg_locks l
        where l.locktype = 'advisory' and l.classid = 1397246027 and l.granted
          and l.database = (select oid from pg_database where datname = current_database())
        """;

    /// <summary>A writer takes less, unless a standby is waited for.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(16);

    /// <param name="pool">Of the primary.</param>
    /// <param name="session">Its place is judged already.</param>
    /// <param name="slots">What the request is about.</param>
    /// <param name="deadline">The request's.</param>
    /// <exception cref="ShardCallException">It does not in time, and must not answer.</exception>
    public static async Task RequireAsync(ShardPool pool, RequestSession session, IEnumerable<Slot> slots, CancellationToken deadline)
    {
        if (!await IsShownAsync(pool, session, slots, deadline))
            throw new ShardCallException(ShardFailure.Unavailable, pool.Shard.Id.Value);
    }

    private static async Task<bool> IsShownAsync(
        ShardPool pool, RequestSession session, IEnumerable<Slot> slots, CancellationToken deadline)
    {
        var shard = pool.Shard.Id;
        if (session.PlaceOf(shard) is not { } place || session.ShownByStandbys(shard, place.Timeline) is not (> 0 and var needed))
            return true;
        if (pool.Log!.Present is not { } present || present.Timeline != place.Timeline)
            return true; // whoever answers finds out that the timeline is another
        try
        {
            if (present.Shown < needed)
            {
                // No standby has shown what is not in the log: it is made up, or from before a restore. Whoever answers finds that out.
                if (present.Reached < needed && !await ReachesAsync(pool, place.Timeline, needed, deadline))
                    return true;
                if (await AreDoneAsync(pool, [.. slots.Select(slot => slot.Value)], deadline) is not { } all)
                    return false;
                if (!all)
                    return true; // it is shown for these slots, and the token has to go on telling it for others
                present.Show(needed);
            }
        }
        catch (Exception e) when (e is ShardCallException or OperationCanceledException)
        {
            return false;
        }
        session.ShownByPrimary(shard, place.Timeline, needed);
        return true;
    }

    private static async Task<bool> ReachesAsync(ShardPool pool, uint timeline, ulong needed, CancellationToken deadline)
    {
        var reading = await pool.RunUncountedAsync(writes: false, call => LogReading.ReadAsync(call.Session), deadline);
        return reading.IsPrimary && reading.Timeline == timeline && reading.Lsn >= needed;
    }

    /// <returns>Whether all that were inside are done; false: those on these slots are; null: not even those, in time.</returns>
    private static async Task<bool?> AreDoneAsync(ShardPool pool, HashSet<int> slots, CancellationToken deadline)
    {
        var startedAt = Environment.TickCount64;
        var writers = await WritersAsync(pool, deadline);
        for (var pause = TimeSpan.FromMilliseconds(1); writers.Any(IsInTheWay); pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            if (Environment.TickCount64 - startedAt >= Limit.TotalMilliseconds)
                return null;
            await Task.Delay(pause, deadline);
            writers.IntersectWith(await WritersAsync(pool, deadline));
        }
        return writers.Count == 0;

        bool IsInTheWay(string writer) => slots.Contains(int.Parse(writer.AsSpan(writer.IndexOf(' ') + 1), CultureInfo.InvariantCulture));
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
