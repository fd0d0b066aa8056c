using ShardCore.Ring;
using ShardRouter.Shards;

namespace ShardRouter.Consistency;

/// <summary>Whether a server may answer a session's read.</summary>
/// <remarks>
/// A standby must be known to have applied what the session needs before the reading statement takes its snapshot: in the statement itself
/// the snapshot would be older than the check. So the lower bound is what the server said on this very connection before, or is asked for
/// in a statement of its own. After the statement come the checks that need its answer, which is of after its snapshot: role and timeline,
/// which only ever change forward, and the epoch of the slot, which is of the snapshot.
/// </remarks>
/// <param name="server">The session at the server.</param>
internal sealed class ReadCheck(ShardSession server)
{
    /// <returns>For each read why it is not to be sent; null: it is.</returns>
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

    /// <param name="session">Who reads.</param>
    /// <param name="reading">What the reading statement said of the log.</param>
    /// <param name="owned">The slot with the epoch under which the server owns it; null: it does not.</param>
    /// <returns>Why the answer is none for this session; null: it is one, and the session knows now what it has seen.</returns>
    public ReadRefusal? After(RequestSession session, LogReading reading, (Slot Slot, long? Epoch)? owned)
    {
        server.Tells(reading);
        var (shard, isStandby) = (server.Log.Shard, server.Standby is not null);
        if (reading.IsPrimary == isStandby)
            return isStandby ? ReadRefusal.NotAStandby : ReadRefusal.OtherTimeline; // it was promoted; or it is a primary no more
        if (!session.HasToken)
            return null;
        var place = session.PlaceOf(shard);
        var timeline = place?.Timeline ?? server.Log.Present?.Timeline;
        if (reading.Timeline == 0 && session.Consistency == ReadConsistency.Eventual)
            reading = reading with { Timeline = timeline ?? 0 }; // its primary is away: by the last look it was on this one
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
