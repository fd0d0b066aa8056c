using Npgsql;
using ShardRouter.Consistency;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>
/// The checks around writes of sessions. Before: the server must have what the sessions know. After: the sessions learn where their
/// writes are in the log.
/// </summary>
/// <remarks>
/// The place of a write is read after its commit, on the database session of the write. Before the commit the place would be too low. On
/// another database session it might be of another server. Before the write is sent, the client's session gets a place that counts as
/// later than every other one (<see cref="SessionToken.Unknown"/>). It keeps that place if it never learns the right one. Then its reads
/// go to the primary until the primary has told its place. If another server takes over, nobody knows whether the write came along.
/// </remarks>
/// <param name="server">The database session at the primary.</param>
internal sealed class WriteCheck(ShardSession server)
{
    private const string LocateSql = $"""
        select {LogReading.Sql},
               (select array_agg(o.epoch order by k.ord) from unnest($1) with ordinality k (slot, ord)
                left join sharding.slot_ownership o on o.slot = k.slot)
        """;

    /// <returns>For each write the reason why it must not be sent; null: it may be sent.</returns>
    public async Task<WriteResult?[]> BeforeAsync(IReadOnlyList<WriteOperation> writes)
    {
        var refusals = new WriteResult?[writes.Count];
        var reading = server.LastReading ?? await LogReading.ReadAsync(server);
        var isAsked = false;
        for (var i = 0; i < writes.Count; i++)
        {
            if (writes[i].Session is not { } session)
                continue;
            var place = session.PlaceOf(server.Log.Shard);
            if (!isAsked && place is { Lsn: not SessionToken.Unknown } far
                && far.Timeline == reading.Timeline && far.Lsn > ReachedBy(reading))
                (isAsked, reading) = (true, await LogReading.ReadAsync(server));
            if (Refusal(reading, place) is { } outcome)
                refusals[i] = new WriteResult(outcome, null, null, null, null, server.Log.Shard.Value);
            else
                session.Writes(server.Log.Shard, reading.Timeline);
        }
        return refusals;
    }

    /// <summary>
    /// After the commit the sessions learn where the server's log is now, and under which epochs the server has their slots.
    /// </summary>
    /// <remarks>
    /// If a slot has been given away since the write, it has a higher epoch here than at the write. A higher epoch asks more of later
    /// reads, and is not wrong.
    /// </remarks>
    public async Task LocateAsync(IReadOnlyList<WriteOperation> writes)
    {
        WriteOperation[] located = [.. writes.Where(write => write.Session is not null)];
        await using var command = new NpgsqlCommand(LocateSql, server.Connection)
        {
            Parameters = { new NpgsqlParameter<short[]> { TypedValue = [.. located.Select(write => (short)write.Key.Slot.Value)] } },
        };
        await command.PrepareOnceAsync();
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        await reader.ReadAsync(CancellationToken.None);
        var reading = server.Tells(LogReading.Parse(reader.GetFieldValue<string?[]>(0)));
        var epochs = reader.GetFieldValue<long?[]>(1);
        for (var i = 0; reading.IsPrimary && i < located.Length; i++)
            located[i].Session!.See(server.Log.Shard, reading, located[i].Key.Slot, epochs[i]);
    }

    private WriteOutcome? Refusal(LogReading reading, (uint Timeline, ulong Lsn)? place) =>
        !reading.IsPrimary || (place is { } other && other.Timeline != reading.Timeline) ? WriteOutcome.OtherTimeline
        : place is { Lsn: not SessionToken.Unknown } known && known.Lsn > ReachedBy(reading) ? WriteOutcome.SessionLost
        : null;

    /// <summary>How far the server's log reaches, by its own reading or by those of other sessions at the same server.</summary>
    private ulong ReachedBy(LogReading reading) =>
        server.Log.Present is { } present && present.Timeline == reading.Timeline && present.StartedAt == reading.StartedAt
            ? Math.Max(present.Reached, reading.Lsn)
            : reading.Lsn;
}
