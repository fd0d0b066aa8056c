using Npgsql;

namespace ShardRouter.Shards;

/// <summary>
/// Ends sessions that go on with what the shard's operator has changed since: one that was made while the database was read-only stays
/// so until it ends.
/// </summary>
/// <remarks>
/// A session that was made a moment ago is believed. So a shard that stays read-only gets a few new connections a second, and not one
/// for each write that it refuses,
/// and one that is writable again takes writes at most <see cref="BelievedFor"/> later.
/// </remarks>
internal sealed class StaleSessions(NpgsqlDataSource source)
{
    public static readonly TimeSpan BelievedFor = TimeSpan.FromMilliseconds(250);

    private long _endedAt = Environment.TickCount64 - (long)BelievedFor.TotalMilliseconds;

    /// <summary>Of a pool nobody can say which session is which, so all go: those in use when they are given back.</summary>
    public void EndReadOnly()
    {
        var (endedAt, now) = (Interlocked.Read(ref _endedAt), Environment.TickCount64);
        if (now - endedAt >= BelievedFor.TotalMilliseconds && Interlocked.CompareExchange(ref _endedAt, now, endedAt) == endedAt)
            source.Clear();
    }

    /// <summary>One was ended because it was idle, so others are over too: the next call shall not meet them.</summary>
    public void EndIdle() => source.Clear();
}
