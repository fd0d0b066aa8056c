using Npgsql;
using ShardRouter.Items;
using ShardRouter.Shards;

namespace ShardRouter.Consistency;

/// <summary>What is to be done around writes of sessions: the server has what they know, and they learn where their writes are.</summary>
/// <remarks>
/// The place of a write is read behind its commit, on its session: before the commit it would be too low, and on another session it might
/// be of another server. Whoever does not learn it has a place that is behind every other one (<see cref="SessionToken.Unknown"/>), from
/// before the write is sent: his reads go to the primary until that has told its place, and if another takes over, nobody knows whether
/// the write came along.
/// </remarks>
/// <param name="server">The session at the primary.</param>
internal sealed class WriteCheck(ShardSession server)
{
    private const string LocateSql = $"""
        select {LogReading.Sql},
               (select array_agg(o.epoch order by k.ord) from unnest($1) with ordinality k (slot, ord)
                left join sharding.slot_ownership o on o.slot = k.slot)
        """;

    /// <returns>For each write why it is not to be sent; null: it is.</returns>
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

    /// <summary>After the commit: the sessions learn where the server's log is now, and under which epochs it had their slots.</summary>
    /// <remarks>
    /// A slot that has been given away since has a higher epoch here than the write was done under. That asks for more of later reads,
    /// and is not wrong.
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

    /// <summary>By its own word, or by that of other sessions at the same server.</summary>
    private ulong ReachedBy(LogReading reading) =>
        server.Log.Present is { } present && present.Timeline == reading.Timeline && present.StartedAt == reading.StartedAt
            ? Math.Max(present.Reached, reading.Lsn)
            : reading.Lsn;
}
