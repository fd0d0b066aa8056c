using Npgsql;

namespace ShardCore.Shards;

/// <summary>
/// Rows that are in memory whole before a column is read. Npgsql's own ExecuteScalar, and Dapper, read a row as it comes (<c>SequentialAccess</c>), and wait on
/// the calling thread for what of a column has not come yet: on a router's socket thread that would be for ever (<c>SocketThreads</c>).
/// </summary>
public static class WholeRows
{
    /// <returns>The first column of the first row; default: there is no row, or it is null.</returns>
    public static async Task<T?> ReadValueAsync<T>(this NpgsqlCommand command, CancellationToken cancellation)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation) && !reader.IsDBNull(0) ? reader.GetFieldValue<T>(0) : default;
    }

    /// <returns>What was made of each row, in their order.</returns>
    public static async Task<IReadOnlyList<T>> ReadAllAsync<T>(this NpgsqlCommand command, Func<NpgsqlDataReader, T> at, CancellationToken cancellation)
    {
        var found = new List<T>();
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
            found.Add(at(reader));
        return found;
    }
}
