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

    /// <summary>For who carries on behind the release: as long as the target does not own, it is as it was then.</summary>
    public async Task TakeUnlessOwnedAsync(NpgsqlDataSource target, MoveBatch batch, CancellationToken cancellation)
    {
        await TakeAsync(target, cancellation);
        await using var command = new NpgsqlCommand("select count(*) from sharding.slot_ownership where move_id = $1 and state = 'importing'", _connection)
        {
            Parameters = { new NpgsqlParameter<Guid> { TypedValue = batch.Id } },
        };
        if (await command.ExecuteScalarAsync(cancellation) is not long importing || importing != batch.Slots.Length)
            await DisposeAsync(); // another mover made it the owner: it may have taken writes already
    }

    public Task<Dictionary<Slot, (long Rows, string Checksum)>> ChecksumsAsync(IEnumerable<Slot> slots, CancellationToken cancellation) =>
        SlotChecksums.ReadAsync(_connection!, slots, null, cancellation);

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
