using Npgsql;

namespace ShardCore.Moves.Copying;

/// <summary>
/// Settings for a transaction that reads the rows of many slots. It reads them page by page, as they lie in the table, and not row by row
/// in the order of the key.
/// </summary>
/// <remarks>
/// Rows lie in the order in which they were inserted, so the rows of one slot are all over the table. In the order of the key, nearly
/// every row is on another page than the row before. If the table is larger than the server's buffers, that page has to be fetched anew
/// each time: for a million rows COPY took three times as long as in the table's order. The index of the key still tells which pages to
/// look at, so no page is read that has no row of the slots.
/// </remarks>
internal static class PageOrder
{
    /// <summary>
    /// Only bitmap scans are left, because a mover's sessions have no sequential scans (<see cref="Pipelining.MoveConnections"/>). Groups
    /// are made by hashing, so that documents are not sorted.
    /// </summary>
    private const string Sql = """
        select set_config('enable_indexscan', 'off', true), set_config('enable_sort', 'off', true),
               set_config('max_parallel_workers_per_gather', '0', true), set_config('work_mem', '16MB', true)
        """;

    public static NpgsqlBatchCommand Command() => new(Sql);

    public static async Task SetAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Sql, connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }
}
