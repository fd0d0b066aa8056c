using System.Data;
using Npgsql;
using ShardCore.Ring;

namespace ShardCore.Moves;

/// <summary>
/// One session at the target, opened before the attempt brings anything there and used at the hand-over: it makes all of
/// it durable, and keeps the target's state of that moment, before it took writes of its own, to be compared afterwards.
/// </summary>
/// <remarks>
/// Copy and changes are committed without waiting for the disk. A commit that does wait, in the same server, comes behind
/// them in the WAL, so once it is on disk they are. That is no help when the server crashed in between and lost
/// some: other connections may be made anew without anybody noticing. This one cannot: a server that crashed has ended it, and then <see cref="FlushAsync"/>
/// fails and with it the attempt, before the release.
/// </remarks>
internal sealed class TargetSession : IAsyncDisposable
{
    private readonly NpgsqlDataSource _target;
    private readonly NpgsqlConnection _connection;
    private NpgsqlTransaction? _snapshot;

    private TargetSession(NpgsqlDataSource target, NpgsqlConnection connection)
    {
        _target = target;
        _connection = connection;
    }

    /// <param name="target">Disposed with the session.</param>
    public static async Task<TargetSession> OpenAsync(NpgsqlDataSource target, CancellationToken cancellation)
    {
        try
        {
            return new TargetSession(target, await target.OpenConnectionAsync(cancellation));
        }
        catch
        {
            await target.DisposeAsync();
            throw;
        }
    }

    /// <summary>After this everything that was committed before it survives a crash of the target.</summary>
    /// <exception cref="AttemptOverException" />
    public async Task FlushAsync(MoveImport import, CancellationToken cancellation) => await import.CheckAsync(_connection, applied: null, cancellation);

    /// <summary>The target as it is now.</summary>
    public async Task KeepSnapshotAsync(CancellationToken cancellation)
    {
        _snapshot = await _connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        await using var first = new NpgsqlCommand("select 1", _connection); // the snapshot is taken by the first statement, not by BEGIN
        await first.ExecuteScalarAsync(cancellation);
    }

    public Task<Dictionary<Slot, (long Rows, string Checksum)>> ChecksumsAsync(IEnumerable<Slot> slots, CancellationToken cancellation) =>
        SlotChecksums.ReadAsync(_connection, slots, cancellation);

    public async ValueTask DisposeAsync()
    {
        if (_snapshot is not null)
            await _snapshot.DisposeAsync();
        await _connection.DisposeAsync();
        await _target.DisposeAsync();
    }
}
