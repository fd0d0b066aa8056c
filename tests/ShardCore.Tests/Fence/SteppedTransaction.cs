using Npgsql;

namespace ShardCore.Tests.Fence;

/// <summary>One side of an interleaving.</summary>
internal sealed class SteppedTransaction(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
{
    /// <summary>What a freeze locks, and write_items locks shared.</summary>
    public const int SlotLockClass = 1_397_246_027;

    public NpgsqlConnection Connection { get; } = connection;

    public async Task<object?> RunAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, Connection);
        return await command.ExecuteScalarAsync();
    }

    public Task<ShardAnswer[]> WriteAsync(params ShardOperation[] operations) => ShardUnderTest.WriteAsync(Connection, atomic: false, operations);

    /// <summary>Step 6 of a move but for its commit: the exclusive lock, then owned → frozen.</summary>
    public async Task FreezeAsync(short slot, string state = "frozen", string peer = "s2", int epoch = 2)
    {
        await RunAsync($"select pg_advisory_xact_lock({SlotLockClass}, {slot})");
        await RunAsync($"update sharding.slot_ownership set state = '{state}', peer = '{peer}', epoch = {epoch} where slot = {slot}");
    }

    public Task CommitAsync() => transaction.CommitAsync();

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await Connection.DisposeAsync();
    }
}
