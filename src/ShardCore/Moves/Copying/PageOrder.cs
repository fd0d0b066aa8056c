using Npgsql;

namespace ShardCore.Moves.Copying;

/// <summary>For a transaction that reads many slots' rows: page by page, as they lie in the table, instead of row by row in the order of the key.</summary>
/// <remarks>
/// Rows lie as they were inserted, those of one slot all over the table. In the key's order nearly every row is on another page than the one before, which has to be
/// fetched anew each time where the table is larger than the server's buffers: a million rows took COPY three times as long as in the table's order. The key's index
/// still tells which pages there are to look at, so nothing is read that has no row of the slots.
/// </remarks>
internal static class PageOrder
{
    /// <summary>Bitmap scans are what is left, as a mover's sessions have no sequential ones (<see cref="Pipelining.MoveConnections"/>), and groups are made by hashing: documents are not to be sorted.</summary>
    private const string Sql = "select set_config('enable_indexscan', 'off', true), set_config('enable_sort', 'off', true), set_config('max_parallel_workers_per_gather', '0', true), set_config('work_mem', '16MB', true)";

    public static NpgsqlBatchCommand Command() => new(Sql);

    public static async Task SetAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Sql, connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }
}
