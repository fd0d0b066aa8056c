using System.Data;
using Npgsql;
using ShardCore.Ring;

namespace ShardCore.Moves;

/// <summary>
/// The target as it was at the hand-over, before it took writes of its own: a transaction that keeps looking at that
/// moment, so that both sides can be compared at leisure afterwards.
/// </summary>
internal sealed class TargetSnapshot : IAsyncDisposable
{
    private NpgsqlConnection? _connection;
    private NpgsqlTransaction? _transaction;

    public bool IsTaken => _transaction is not null;

    public async Task TakeAsync(NpgsqlDataSource target, CancellationToken cancellation)
    {
        await DisposeAsync();
        var settings = new NpgsqlConnectionStringBuilder(target.ConnectionString) { ApplicationName = "shardadmin", Pooling = false };
        _connection = new NpgsqlConnection(settings.ConnectionString);
        await _connection.OpenAsync(cancellation);
        _transaction = await _connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        await using var first = new NpgsqlCommand("select 1", _connection); // the snapshot is taken by the first statement, not by BEGIN
        await first.ExecuteScalarAsync(cancellation);
    }

    public Task<Dictionary<Slot, (long Rows, string Checksum)>> ChecksumsAsync(IEnumerable<Slot> slots, CancellationToken cancellation) =>
        SlotChecksums.ReadAsync(_connection!, slots, cancellation);

    public async ValueTask DisposeAsync()
    {
        if (_transaction is not null)
            await _transaction.DisposeAsync();
        if (_connection is not null)
            await _connection.DisposeAsync();
        _transaction = null;
        _connection = null;
    }
}
