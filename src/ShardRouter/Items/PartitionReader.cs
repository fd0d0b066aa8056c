using Npgsql;
using ShardCore.Ring;
using ShardRouter.Consistency;
using ShardRouter.Http;
using ShardRouter.Payload;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Shards.Standbys;

namespace ShardRouter.Items;

/// <summary>Reads a page of one partition: one statement to one shard.</summary>
internal sealed class PartitionReader(SlotDispatch dispatch, StandbyFirst standbys, TokenCheck tokens)
{
    /// <summary>A page ends before the item that would make its answer larger.</summary>
    public const int MaxPageBytes = 4 * 1024 * 1024;

    private const int EnvelopeBytes = 160; // of one item: names, etag, updatedAt
    private const int MaxEscapedBytes = 6; // of one character of a key: \u001f

    public Task<Routed<PartitionPage>> ReadAsync(PartitionQuery query, Slot slot, PayloadShare share, CancellationToken deadline) => dispatch.RunOneAsync(
        query,
        slot,
        writes: false,
        (pool, one, cancellation) => pool.RunAsync("list", writes: false, call => ReadAsync(call, one, slot, share), cancellation),
        deadline);

    /// <summary>The same for a session: from a standby if it allows that, and with its token.</summary>
    /// <param name="limit">A standby's part of the request's time. Its search ends before.</param>
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
        ShardCall call, PartitionQuery query, Slot slot, PayloadShare share, Sight? sight = null)
    {
        await using var command = PartitionSql.Build(call.Connection, query, slot, withLog: sight is not null);
        var rows = new List<PartitionRow>();
        var bytes = (long)CursorCodec.MaxLength + EnvelopeBytes;
        if (query.Filters.Count == 0) // with them there are more statements than a session could keep
            await command.PrepareOnceAsync();
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        if (!await reader.ReadAsync(CancellationToken.None))
            return Fenced<PartitionPage>.Refused(new FenceRefusal(null, null, null));
        if (sight is not null)
            (sight.Reading, sight.Epoch) = (LogReading.Parse(reader.GetFieldValue<string?[]>(7)), reader.GetInt64(2));
        var state = reader.GetString(0);
        if (!FenceRefusal.Allows(state, writes: false))
            return Fenced<PartitionPage>.Refused(new FenceRefusal(state, reader.IsDBNull(1) ? null : reader.GetString(1), reader.GetInt64(2)));
        do
        {
            if (reader.IsDBNull(3))
                break; // the partition has nothing (more)
            if (reader.IsDBNull(6)) // the time to search is over
                return Fenced<PartitionPage>.Answer(new PartitionPage(rows, ReadUpTo: reader.GetString(3)));
            if (rows.Count == query.Limit)
                return Fenced<PartitionPage>.Answer(new PartitionPage(rows, rows[^1].Id));
            var row = new PartitionRow(reader.GetString(3), reader.GetInt64(4), reader.GetDateTime(5), reader.GetFieldValue<byte[]>(6));
            bytes += EnvelopeBytes + (MaxEscapedBytes * (query.PartitionKey.Length + row.Id.Length)) + row.Doc.Length;
            var hasRoom = share.TryTake(EnvelopeBytes + row.Doc.Length);
            if (!hasRoom && rows.Count == 0)
            {
                await EndAsync(call, reader);
                throw new ProblemException(Problems.RouterOverloaded());
            }
            if (!hasRoom || (bytes > MaxPageBytes && rows.Count > 0))
            {
                await EndAsync(call, reader); // what may be hundreds of large documents is not wanted any more
                return Fenced<PartitionPage>.Answer(new PartitionPage(rows, rows[^1].Id));
            }
            rows.Add(row);
        }
        while (await reader.ReadAsync(CancellationToken.None));
        return Fenced<PartitionPage>.Answer(new PartitionPage(rows, ReadUpTo: null));
    }

    /// <summary>Closes the reader without reading all that is left.</summary>
    private static async Task EndAsync(ShardCall call, NpgsqlDataReader reader)
    {
        await call.EndStatementAsync();
        try
        {
            await reader.CloseAsync();
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.QueryCanceled)
        {
            // The statement was ended in time.
        }
    }

    /// <summary>What a statement says beside the page.</summary>
    private sealed class Sight
    {
        public LogReading? Reading { get; set; }

        public long Epoch { get; set; }
    }

    /// <summary>What a server answered to a session: a page, or why there is none, or that the slot is not its own.</summary>
    private sealed record SessionPage(PartitionPage Page, ReadRefusal? Refusal, FenceRefusal? Fence)
    {
        public static SessionPage Refused(ReadRefusal refusal) => new(null!, refusal, null);

        public static SessionPage Fenced(FenceRefusal fence) => new(null!, null, fence);
    }
}
