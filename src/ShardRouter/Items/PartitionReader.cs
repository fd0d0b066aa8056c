using Npgsql;
using ShardCore.Ring;
using ShardRouter.Routing;

namespace ShardRouter.Items;

/// <summary>Reads a page of one partition: one statement to one shard.</summary>
internal sealed class PartitionReader(SlotDispatch dispatch)
{
    /// <summary>A page ends early when its documents come to so much.</summary>
    public const int MaxPageBytes = 4 * 1024 * 1024;

    public async Task<Routed<PartitionPage>> ReadAsync(PartitionQuery query, Slot slot, CancellationToken deadline)
    {
        var answers = await dispatch.RunAsync<PartitionQuery, PartitionPage>(
            [query],
            _ => slot,
            (pool, _, cancellation) => pool.RunAsync(
                "list", writes: false, async (connection, stop) => new[] { await ReadAsync(connection, query, slot, stop) }, cancellation),
            deadline);
        return answers[0];
    }

    private static async Task<Fenced<PartitionPage>> ReadAsync(NpgsqlConnection connection, PartitionQuery query, Slot slot, CancellationToken cancellation)
    {
        await using var command = PartitionSql.Build(connection, query, slot);
        var rows = new List<PartitionRow>();
        var bytes = 0L;
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
            var isFull = rows.Count == query.Limit;
            if (isFull || bytes > MaxPageBytes)
            {
                if (!isFull)
                    command.Cancel(); // do not drain what may be hundreds of large documents
                return Fenced<PartitionPage>.Answer(new PartitionPage(rows, HasMore: true));
            }
            var row = new PartitionRow(reader.GetString(3), reader.GetInt64(4), reader.GetDateTime(5), reader.GetFieldValue<byte[]>(6));
            rows.Add(row);
            bytes += row.Doc.Length;
        }
        while (await reader.ReadAsync(cancellation));
        return Fenced<PartitionPage>.Answer(new PartitionPage(rows, HasMore: false));
    }
}
