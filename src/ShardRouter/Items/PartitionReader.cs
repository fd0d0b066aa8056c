using Npgsql;
using ShardCore.Ring;
using ShardRouter.Consistency;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Refusals;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>Reads a page of one partition, with one statement to one shard.</summary>
internal sealed class PartitionReader(SlotDispatch dispatch, StandbyFirst standbys, TokenCheck tokens)
{
    /// <summary>A page ends before the item that would make its answer larger than this.</summary>
    public const int MaxPageBytes = 4 * 1024 * 1024;

    private const int EnvelopeBytes = 204; // of one item: names, etag, updatedAt, expiresAt
    private const int MaxEscapedBytes = 6; // of one character of a key: \u001f

    /// <summary>How long a page that is asked for now will wait before its statement is sent.</summary>
    public TimeSpan DelayOf(Slot slot) => dispatch.PoolOf(slot)?.Delay ?? TimeSpan.Zero;

    public Task<Routed<PartitionPage>> ReadAsync(PartitionQuery query, Slot slot, PayloadShare share, CancellationToken deadline) => dispatch.RunOneAsync(
        query,
        slot,
        writes: false,
        (pool, one, cancellation) => pool.RunAsync("list", writes: false, call => ReadAsync(call, one, slot, share), cancellation),
        deadline);

    /// <summary>The same for a session: from a standby if the session allows it, and with the session's token.</summary>
    /// <param name="limit">A standby's part of the request's time. The standby's search ends after half of it.</param>
    /// <exception cref="ProblemException">session-lost, among others.</exception>
    public async Task<Routed<PartitionPage>> ReadAsync(
        PartitionQuery query, Slot slot, RequestSession session, TimeSpan limit, PayloadShare share, CancellationToken deadline)
    {
        if (!await tokens.AreKnownAsync(session, [slot], writes: false, deadline))
            return Routed<PartitionPage>.Failed(ShardFailure.Unavailable, default);
        var routed = await dispatch.RunOneAsync(query, slot, writes: false, AskAsync, deadline);
        if (routed.Failure is { } failure)
            return Routed<PartitionPage>.Failed(failure, routed.Shard);
        return routed.Value!.Refusal switch
        {
            null => Routed<PartitionPage>.Answer(routed.Value.Page, routed.Shard),
            ReadRefusal.Lost => throw new ProblemException(Problems.SessionLost(routed.Shard)),
            _ => Routed<PartitionPage>.Failed(ShardFailure.Unavailable, routed.Shard),
        };

        async Task<Fenced<SessionPage>> AskAsync(ShardPool pool, PartitionQuery one, CancellationToken stop)
        {
            var shorter = one with { ScanLimit = limit / 2 };
            var fromStandby = await standbys.TryAsync(
                pool, session, limit, async (standby, until) => await OnSessionAsync(standby, shorter, slot, session, share, until),
                answer => answer.Fence is not null ? "Fence" : answer.Refusal?.ToString(), stop);
            if (fromStandby is not null)
                return Fenced<SessionPage>.Answer(fromStandby);
            await VisibleCheck.RequireAsync(pool, session, [slot], stop);
            var answer = await OnSessionAsync(pool, one, slot, session, share, stop);
            session.ReadFrom(standby: false);
            return answer.Fence is { } fence ? Fenced<SessionPage>.Refused(fence) : Fenced<SessionPage>.Answer(answer);
        }
    }

    private static Task<SessionPage> OnSessionAsync(
        ShardPool pool, PartitionQuery query, Slot slot, RequestSession session, PayloadShare share, CancellationToken deadline) =>
        pool.RunAsync("session-list", writes: false, call => ReadAsync(call, query, slot, session, share), deadline);

    private static async Task<SessionPage> ReadAsync(
        ShardCall call, PartitionQuery query, Slot slot, RequestSession session, PayloadShare share)
    {
        var check = new ReadCheck(call.Session);
        if ((await check.BeforeAsync([session]))[0] is { } refusal)
            return SessionPage.Refused(refusal);
        var sight = new Sight();
        var answer = await ReadAsync(call, query, slot, share, sight);
        if (sight.Reading is null)
            return SessionPage.Fenced(answer.Refusal!); // the slot was never here
        var owned = answer.Refusal is null ? (slot, sight.Epoch) : ((Slot, long?)?)null;
        return check.After(session, sight.Reading, owned) is { } why ? SessionPage.Refused(why)
            : answer.Refusal is { } fence ? SessionPage.Fenced(fence)
            : new SessionPage(answer.Value!, null, null);
    }

    private static async Task<Fenced<PartitionPage>> ReadAsync(
        ShardCall call, PartitionQuery query, Slot slot, PayloadShare share, Sight? sight = null) =>
        await CollectionSql.ReadAsync(call.Session, query.Collection, table => ReadAsync(call, query, slot, share, sight, table));

    private static async Task<Fenced<PartitionPage>> ReadAsync(
        ShardCall call, PartitionQuery query, Slot slot, PayloadShare share, Sight? sight, string table)
    {
        await using var command = PartitionSql.Build(call.Connection, query, slot, table, withLog: sight is not null);
        var rows = new List<PartitionRow>();
        var bytes = (long)CursorCodec.MaxLength + EnvelopeBytes;
        if (query.Filters.Count == 0) // with filters there are more statements than a session could keep
            await call.Session.Named.PrepareAsync(command);
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        if (!await reader.ReadAsync(CancellationToken.None))
            return Fenced<PartitionPage>.Refused(new FenceRefusal(null, null, null));
        if (sight is not null)
            (sight.Reading, sight.Epoch) = (LogReading.Parse(reader.GetFieldValue<string?[]>(8)), reader.GetInt64(2));
        var state = reader.GetString(0);
        if (!FenceRefusal.Allows(state, writes: false))
            return Fenced<PartitionPage>.Refused(new FenceRefusal(state, reader.IsDBNull(1) ? null : reader.GetString(1), reader.GetInt64(2)));
        do
        {
            if (reader.IsDBNull(3))
                break; // the partition has no items, or no more
            if (reader.IsDBNull(6)) // the time to search is over
                return Fenced<PartitionPage>.Answer(new PartitionPage(rows, ReadUpTo: reader.GetString(3)));
            if (rows.Count == query.Limit)
                return Fenced<PartitionPage>.Answer(new PartitionPage(rows, rows[^1].Id));
            var row = new PartitionRow(
                reader.GetString(3), reader.GetInt64(4), reader.GetDateTime(5), reader.IsDBNull(7) ? null : reader.GetDateTime(7),
                reader.GetFieldValue<byte[]>(6));
            bytes += EnvelopeBytes + (MaxEscapedBytes * (query.PartitionKey.Length + row.Id.Length)) + row.Doc.Length;
            var hasRoom = share.TryTake(EnvelopeBytes + row.Doc.Length);
            if (!hasRoom && rows.Count == 0)
            {
                await EndAsync(call, reader);
                throw new ProblemException(Problems.RouterOverloaded());
            }
            if (!hasRoom || (bytes > MaxPageBytes && rows.Count > 0))
            {
                await EndAsync(call, reader); // the rest may be hundreds of large documents, and is not wanted
                return Fenced<PartitionPage>.Answer(new PartitionPage(rows, rows[^1].Id));
            }
            rows.Add(row);
        }
        while (await reader.ReadAsync(CancellationToken.None));
        return Fenced<PartitionPage>.Answer(new PartitionPage(rows, ReadUpTo: null));
    }

    /// <summary>Closes the reader without reading the rest.</summary>
    private static async Task EndAsync(ShardCall call, NpgsqlDataReader reader)
    {
        await call.EndStatementAsync();
        await reader.DisposeEndedAsync();
    }

    /// <summary>The facts that a statement tells in addition to the page.</summary>
    private sealed class Sight
    {
        public LogReading? Reading { get; set; }

        public long Epoch { get; set; }
    }

    /// <summary>
    /// A server's answer to a session: a page, or the reason why there is none, or the refusal because the slot is not its own.
    /// </summary>
    private sealed record SessionPage(PartitionPage Page, ReadRefusal? Refusal, FenceRefusal? Fence)
    {
        public static SessionPage Refused(ReadRefusal refusal) => new(null!, refusal, null);

        public static SessionPage Fenced(FenceRefusal fence) => new(null!, null, fence);
    }
}

/// <summary>A page of a partition.</summary>
/// <param name="ReadUpTo">
/// The next page begins behind this id; null: nothing is left. The page may lack the item with this id, because of the filters.
/// </param>
internal sealed record PartitionPage(IReadOnlyList<PartitionRow> Rows, string? ReadUpTo);

internal sealed record PartitionRow(string Id, long Version, DateTime UpdatedAt, DateTime? ExpiresAt, byte[] Doc);
