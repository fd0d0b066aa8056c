using Npgsql;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>An item's row that is somebody else's until it is released: whoever writes the item waits.</summary>
internal sealed class HeldRow(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
{
    public static async Task<HeldRow> TakeAsync(SeededShard shard, ApiCollection items, string pk, string id, bool mayBeMissing = false)
    {
        var connection = await shard.Database.DataSource.OpenConnectionAsync();
        var held = new HeldRow(connection, await connection.BeginTransactionAsync());
        await using var command = connection.CreateCommand();
        command.CommandText = $"select 1 from sharding.item where collection = '{items.Name}' and pk = '{pk}' and id = '{id}' for update";
        Assert.True(await command.ExecuteScalarAsync() is 1 || mayBeMissing, $"There is no item {id}.");
        return held;
    }

    public Task ReleaseAsync() => transaction.RollbackAsync();

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }
}
