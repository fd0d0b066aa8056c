using System.Globalization;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Sessions;
using ShardCore.Shards;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Consistency;

/// <summary>Waits until a primary shows what a session has seen at a standby.</summary>
/// <remarks>
/// A primary writes a commit to the log, then sends it to standbys, and only then shows it. The commit's database session may be
/// anywhere in between: on a busy machine for milliseconds, and with a synchronous standby for as long as that takes.
/// Every writer of items holds the fence's lock of its slots (step 2 of sharding.write_items) until its commit is shown. What a standby has
/// shown was in the log before the token came. So its writer either holds such a lock now, or is done. When none of the writers of this
/// moment holds its lock any more, everything is shown.
/// A request waits only for writers on its own slots: a writer on another slot may wait for a row as long as somebody else has that row.
/// </remarks>
internal static class VisibleCheck
{
    /// <summary>
    /// Lists the writers that hold a fence's lock: for each its transaction and its slot, as a text with a space between the two.
    /// </summary>
    private const string WritersSql = """
        select coalesce(array_agg(distinct l.virtualtransaction || ' ' || l.objid), '{}') from pg_locks l
        where l.locktype = 'advisory' and l.classid = 1397246027 and l.granted
          and l.database = (select oid from pg_database where datname = current_database())
        """;

    /// <summary>A writer takes less, unless it waits for a standby.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(16);

    /// <param name="pool">The pool of the primary.</param>
    /// <param name="session">Its place was judged before.</param>
    /// <param name="slots">The slots of the request.</param>
    /// <param name="deadline">The request's deadline.</param>
    /// <exception cref="ShardCallException">The primary does not show it in time, and so must not answer.</exception>
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
            return true; // the check of the read or write itself finds the other timeline
        try
        {
            if (present.Shown < needed)
            {
                // A standby shows only what is in the log. A place beyond that is made up, or from before a restore. The check of the
                // read or write itself finds that.
                if (present.Reached < needed && !await ReachesAsync(pool, place.Timeline, needed, deadline))
                    return true;
                if (await AreDoneAsync(pool, [.. slots.Select(slot => slot.Value)], deadline) is not { } all)
                    return false;
                if (!all)
                    return true; // shown for these slots only, so the token keeps the place for others
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

    /// <returns>
    /// True: all writers of the first look are done. False: those on these slots are done. Null: not even those are done in time.
    /// </returns>
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
