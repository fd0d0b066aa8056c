using Npgsql;

namespace ShardCore.Tests.Moves;

/// <summary>A transaction of the test's own that keeps what it locks.</summary>
internal sealed class HeldTransaction(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
{
    public static async Task<HeldTransaction> BeginAsync(NpgsqlDataSource shard, string sql)
    {
        var connection = await shard.OpenConnectionAsync();
        var transaction = await connection.BeginTransactionAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
        return new HeldTransaction(connection, transaction);
    }

    public async Task CommitAsync()
    {
        await transaction.CommitAsync();
        await DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }
}
