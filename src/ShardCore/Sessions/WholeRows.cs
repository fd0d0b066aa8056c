using Npgsql;

namespace ShardCore.Sessions;

/// <summary>
/// Reads rows that are completely in memory before a column is read. Npgsql's own ExecuteScalar, and Dapper, read a row while it arrives
/// (<c>SequentialAccess</c>): if a part of a column has not come yet, the calling thread waits for it. On a socket thread of a router that
/// would be for ever (<c>SocketThreads</c>).
/// </summary>
public static class WholeRows
{
    /// <returns>The first column of the first row; default: there is no row, or the value is null.</returns>
    public static async Task<T?> ReadValueAsync<T>(this NpgsqlCommand command, CancellationToken cancellation)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation) && !reader.IsDBNull(0) ? reader.GetFieldValue<T>(0) : default;
    }

    /// <returns>The result for each row, in the order of the rows.</returns>
    public static async Task<IReadOnlyList<T>> ReadAllAsync<T>(
        this NpgsqlCommand command, Func<NpgsqlDataReader, T> at, CancellationToken cancellation)
    {
        var found = new List<T>();
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
            found.Add(at(reader));
        return found;
    }
}
