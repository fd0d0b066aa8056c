using Npgsql;
using ShardCore.Ring;
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

    public Task<Routed<PartitionPage>> ReadAsync(PartitionQuery query, Slot slot, CancellationToken deadline) => dispatch.RunOneAsync(
        query,
        slot,
        writes: false,
        (pool, one, cancellation) => pool.RunAsync("list", writes: false, (connection, stop) => ReadAsync(connection, one, slot, stop), cancellation),
        deadline);

    private static async Task<Fenced<PartitionPage>> ReadAsync(NpgsqlConnection connection, PartitionQuery query, Slot slot, CancellationToken cancellation)
    {
        await using var command = PartitionSql.Build(connection, query, slot);
        var rows = new List<PartitionRow>();
        var bytes = (long)CursorCodec.MaxLength + EnvelopeBytes;
        if (query.Filters.Count == 0) // with them there are more statements than a session could keep
            await command.PrepareOnceAsync(cancellation);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        if (!await reader.ReadAsync(cancellation))
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
            if (bytes > MaxPageBytes && rows.Count > 0)
            {
                await Task.Run(command.Cancel, CancellationToken.None); // do not drain what may be hundreds of large documents; it blocks, so not here
                return Fenced<PartitionPage>.Answer(new PartitionPage(rows, rows[^1].Id));
            }
            rows.Add(row);
        }
        while (await reader.ReadAsync(cancellation));
        return Fenced<PartitionPage>.Answer(new PartitionPage(rows, ReadUpTo: null));
    }
}
