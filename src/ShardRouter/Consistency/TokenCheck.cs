using System.Net.Sockets;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Ring;
using ShardCore.Shards.Failover;
using ShardCore.Shards.History;
using ShardRouter.Refusals;
using ShardRouter.Rings;
using ShardRouter.Shards;

namespace ShardRouter.Consistency;

/// <summary>Checks whether a session's token is of the present history of its shards, before anything is read or applied for it.</summary>
/// <remarks>
/// A place is lost in three cases: the present timeline does not come from the place's timeline; the present timeline left that timeline
/// before the place; or the server is on this very timeline but does not reach the place, because it was restored. Then what the session
/// saw or wrote last may be missing, and nobody can promise it anything.
/// How far the server reaches: a read learns it from its own statement (<see cref="ReadCheck"/>). A write must know it before. If no
/// answer to an earlier request has told it, the primary is asked.
/// For shards to which the request does not go, only what is known already counts: a shard that is away does not stop requests that have
/// nothing to do with it.
/// A place in the present history is also a place of the present timeline, so one place is kept for each shard.
/// </remarks>
internal sealed class TokenCheck(RingHolder holder, ShardPools pools)
{
    /// <param name="session">Its places are those of the present timelines afterwards.</param>
    /// <param name="slots">The slots of the request.</param>
    /// <param name="writes">The request changes something.</param>
    /// <param name="deadline">The request's deadline.</param>
    /// <returns>
    /// False: the token cannot be judged now, or it is of a later timeline than any that is found now. A server of an earlier timeline
    /// was replaced, and must not answer.
    /// </returns>
    /// <exception cref="ProblemException">session-lost.</exception>
    public async Task<bool> AreKnownAsync(RequestSession session, IEnumerable<Slot> slots, bool writes, CancellationToken deadline)
    {
        if (holder.Current is not { IsEmpty: false } ring || session.Places() is not { Length: > 0 } places)
            return true;
        var asked = slots.Select(slot => ring.OwnerOf(slot).Id).ToHashSet();
        foreach (var same in places.GroupBy(place => place.At.Shard))
        {
            if (ring.Find(same.Key) is not { } shard)
                session.Forget(same.Key); // the shard left the ring, and its slots went to others
            else if (!await IsKnownAsync(session, pools.Of(shard, ring.Cluster), [.. same], asked.Contains(same.Key), writes, deadline))
                return false;
        }
        return true;
    }

    private static async Task<bool> IsKnownAsync(
        RequestSession session, ShardPool pool, ((ShardId Shard, uint Timeline) At, ulong Lsn)[] places, bool isAsked, bool writes,
        CancellationToken deadline)
    {
        var latest = places.Max(place => place.At.Timeline);
        var present = pool.Log!.Present;
        if (isAsked
            && (present is null || latest > present.Timeline || (writes && Array.Exists(places, place => IsBeyond(place, present)))))
            present = await AskAsync(pool, latest, deadline);
        if (present is null || latest > present.Timeline)
            return !isAsked;
        var furthest = 0UL;
        foreach (var place in places)
        {
            if (place.At.Timeline == present.Timeline)
            {
                if (isAsked && writes && IsBeyond(place, present))
                    throw new ProblemException(Problems.SessionLost(pool.Shard.Id));
            }
            else if (await LeftBeforeAsync(pool, present, place) is not { } isLost)
                return !isAsked;
            else if (isLost)
                throw new ProblemException(Problems.SessionLost(pool.Shard.Id));
            furthest = Math.Max(furthest, place.Lsn);
        }
        session.Judged(pool.Shard.Id, present.Timeline, furthest);
        return true;
    }

    private static bool IsBeyond(((ShardId Shard, uint Timeline) At, ulong Lsn) place, PresentLog present) =>
        place.At.Timeline == present.Timeline && place.Lsn != SessionToken.Unknown && place.Lsn > present.Reached;

    /// <returns>True: the present history left the place's timeline before the place. Null: nobody can tell now.</returns>
    private static async Task<bool?> LeftBeforeAsync(
        ShardPool pool, PresentLog present, ((ShardId Shard, uint Timeline) At, ulong Lsn) place)
    {
        try
        {
            var history = await pool.Log!.HistoryAsync(present.Timeline, place.At.Timeline);
            var kept = new ShardPosition("", place.At.Timeline, new NpgsqlLogSequenceNumber(place.Lsn));
            var now = new ShardPosition("", present.Timeline, default);
            return HistoryJudgement.Of(kept, now, history).Verdict != HistoryVerdict.SameOrLater;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException or SocketException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <returns>The log of the present primary; null: no primary answers.</returns>
    private static async Task<PresentLog?> AskAsync(ShardPool pool, uint latest, CancellationToken deadline)
    {
        try
        {
            if (pool.Primary is { } primary && pool.Log!.Present is { } known && latest > known.Timeline)
                await primary.LookAsync(deadline); // there was a takeover since the last look
            await pool.RunUncountedAsync(writes: false, call => LogReading.ReadAsync(call.Session), deadline);
            return pool.Log!.Present;
        }
        catch (Exception e) when (e is NoPrimaryException or ShardCallException or OperationCanceledException)
        {
            return null;
        }
    }
}
