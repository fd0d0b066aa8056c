using Npgsql;
using ShardCore.Ring;
using ShardRouter.Http;
using ShardRouter.Payload;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>Reads a page of one partition: one statement to one shard.</summary>
internal sealed class PartitionReader(SlotDispatch dispatch)
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

    private static async Task<Fenced<PartitionPage>> ReadAsync(ShardCall call, PartitionQuery query, Slot slot, PayloadShare share)
    {
        await using var command = PartitionSql.Build(call.Connection, query, slot);
        var rows = new List<PartitionRow>();
        var bytes = (long)CursorCodec.MaxLength + EnvelopeBytes;
        if (query.Filters.Count == 0) // with them there are more statements than a session could keep
            await command.PrepareOnceAsync();
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        if (!await reader.ReadAsync(CancellationToken.None))
            return Fenced<PartitionPage>.Refused(new FenceRefusal(null, null, null));
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
}
