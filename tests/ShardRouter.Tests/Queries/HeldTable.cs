using Npgsql;
using TestCluster;

namespace ShardRouter.Tests.Queries;

/// <summary>The table of a collection in one shard, locked until it is released: whoever reads it waits.</summary>
internal sealed class HeldTable(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
{
    public static async Task<HeldTable> TakeAsync(SeededShard shard, ApiCollection items)
    {
        var connection = await shard.Database.DataSource.OpenConnectionAsync();
        var held = new HeldTable(connection, await connection.BeginTransactionAsync());
        await using var command = connection.CreateCommand();
        command.CommandText = $"lock table sharding_items.\"{items.Name}\" in access exclusive mode";
        await command.ExecuteNonQueryAsync();
        return held;
    }

    public Task ReleaseAsync() => transaction.RollbackAsync();

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }
}
