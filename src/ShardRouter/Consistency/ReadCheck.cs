using ShardCore.Ring;
using ShardRouter.Shards;

namespace ShardRouter.Consistency;

/// <summary>Decides whether a server may answer a session's read.</summary>
/// <remarks>
/// Before the reading statement takes its snapshot, a standby must be known to have applied what the session needs. A check in the
/// statement itself would be too late: the snapshot would be older than the check. So the lower bound is what the server said before on
/// this very connection. If that is not enough, the server is asked in a statement of its own.
/// After the reading statement come the checks that need its answer. Role and timeline are read after the snapshot, and they only ever
/// change forward. The epoch of the slot is read from the snapshot.
/// </remarks>
/// <param name="server">The database session at the server.</param>
internal sealed class ReadCheck(ShardSession server)
{
    /// <returns>For each read the reason why it must not be sent; null: it may be sent.</returns>
    public async Task<ReadRefusal?[]> BeforeAsync(IReadOnlyList<RequestSession> sessions)
    {
        var refusals = new ReadRefusal?[sessions.Count];
        if (server.Standby is not { } standby)
            return refusals;
        if (!await standby.IsFitAsync(server))
        {
            Array.Fill(refusals, ReadRefusal.NotAStandby);
            return refusals;
        }
        var isAsked = false;
        for (var i = 0; i < sessions.Count; i++)
        {
            if (sessions[i].Consistency != ReadConsistency.Session || sessions[i].PlaceOf(server.Log.Shard) is not { } place)
                continue;
            if (!HasApplied(place.Lsn) && !isAsked && place.Lsn != SessionToken.Unknown)
                (isAsked, _) = (true, await LogReading.ReadAsync(server));
            if (!HasApplied(place.Lsn))
                refusals[i] = ReadRefusal.Behind;
        }
        return refusals;
    }

    /// <param name="session">The session that reads.</param>
    /// <param name="reading">The place in the log that the reading statement told.</param>
    /// <param name="owned">The slot with the epoch under which the server owns it; null: the server does not own it.</param>
    /// <returns>Why this session must not get the answer; null: it may get it, and now knows what it has seen.</returns>
    public ReadRefusal? After(RequestSession session, LogReading reading, (Slot Slot, long? Epoch)? owned)
    {
        server.Tells(reading);
        var (shard, isStandby) = (server.Log.Shard, server.Standby is not null);
        if (reading.IsPrimary == isStandby)
            return isStandby ? ReadRefusal.NotAStandby : ReadRefusal.OtherTimeline; // a standby was promoted, or a primary is no longer one
        if (!session.HasToken)
            return null;
        var place = session.PlaceOf(shard);
        var timeline = place?.Timeline ?? server.Log.Present?.Timeline;
        if (reading.Timeline == 0 && session.Consistency == ReadConsistency.Eventual)
            reading = reading with { Timeline = timeline ?? 0 }; // its primary is away: at the last look it was on this timeline
        if (reading.Timeline == 0 || (timeline is not null && reading.Timeline != timeline))
            return ReadRefusal.OtherTimeline;
        if (!isStandby && place is { Lsn: not SessionToken.Unknown } && place.Value.Lsn > reading.Lsn)
            return ReadRefusal.Lost;
        if (isStandby && session.Consistency == ReadConsistency.Session && owned is { } here && here.Epoch < session.EpochOf(here.Slot))
            return ReadRefusal.OlderOwnership;
        if (owned is { } at)
            session.See(shard, reading, at.Slot, at.Epoch);
        return null;
    }

    private bool HasApplied(ulong lsn) => server.LastReading is { } known && known.Lsn >= lsn;
}
