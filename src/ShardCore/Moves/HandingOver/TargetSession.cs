using Npgsql;
using ShardCore.Moves.Importing;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.HandingOver;

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
    private readonly AttemptSession _session;
    private bool _isDisposed;

    private TargetSession(AttemptSession session) => _session = session;

    /// <summary>It is taken by the first statement, not by BEGIN.</summary>
    private static NpgsqlBatchCommand[] Snapshot => [new("begin isolation level repeatable read"), new("select 1")];

    private NpgsqlConnection Connection => _session.Connection;

    public static async Task<TargetSession> OpenAsync(AttemptSessions target, CancellationToken cancellation) => new(await target.OpenAsync(cancellation));

    /// <summary>
    /// For who carries on behind the release: as long as the target does not own the slots, it is as it was at the hand-over.
    /// </summary>
    /// <returns>With its snapshot kept; null: another mover made the target the owner, it may have taken writes already.</returns>
    public static async Task<TargetSession?> OpenUnlessOwnedAsync(AttemptSessions target, MoveBatch batch, CancellationToken cancellation)
    {
        var session = await OpenAsync(target, cancellation);
        try
        {
            await session.KeepSnapshotAsync(cancellation);
            await using var command = new NpgsqlCommand("select count(*) from sharding.slot_ownership where move_id = $1 and state = 'importing'", session.Connection)
            {
                Parameters = { new NpgsqlParameter<Guid> { TypedValue = batch.Id } },
            };
            if (await command.ExecuteScalarAsync(cancellation) is long importing && importing == batch.Slots.Length)
                return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
        await session.DisposeAsync();
        return null;
    }

    /// <summary>After this everything that was committed before it survives a crash of the target.</summary>
    /// <exception cref="Failures.AttemptOverException" />
    public async Task FlushAsync(MoveImport import, CancellationToken cancellation)
    {
        await import.CheckAsync(Connection, cancellation);
        _session.RequireConfirmed();
    }

    /// <summary>The same, and keeps the target as it is then: in one flight, as writers wait for it.</summary>
    /// <exception cref="Failures.AttemptOverException" />
    public Task FlushAndKeepSnapshotAsync(MoveImport import, CancellationToken cancellation) => BeginAsync(
        [new NpgsqlBatchCommand("begin isolation level read committed"), import.Check(applied: null), new NpgsqlBatchCommand("commit"), .. Snapshot], cancellation);

    /// <summary>Not handed over yet after all: the session can flush again.</summary>
    public async Task DropSnapshotAsync(CancellationToken cancellation)
    {
        await using var rollback = new NpgsqlCommand("rollback", Connection);
        await rollback.ExecuteNonQueryAsync(cancellation);
        _session.IsInTransaction = false;
    }

    /// <summary>The target as it is now.</summary>
    public Task KeepSnapshotAsync(CancellationToken cancellation) => BeginAsync(Snapshot, cancellation);

    private async Task BeginAsync(IEnumerable<NpgsqlBatchCommand> statements, CancellationToken cancellation)
    {
        _session.IsInTransaction = true; // also when it fails
        await using var batch = new NpgsqlBatch(Connection);
        foreach (var statement in statements)
            batch.BatchCommands.Add(statement);
        await MoveImport.RunAsync(batch, cancellation);
        _session.RequireConfirmed();
    }

    /// <exception cref="Failures.SessionLostException">In the task, never at once: the caller reads the other side meanwhile, on a connection that it must not close under the reader.</exception>
    public async Task<Dictionary<Slot, (long Rows, string Checksum)>> ChecksumsAsync(IEnumerable<Slot> slots, CancellationToken cancellation) =>
        await SlotChecksums.ReadAsync(Connection, slots, null, cancellation);

    public async ValueTask DisposeAsync()
    {
        // Once only: the connection may be somebody else's by then.
        if (Interlocked.Exchange(ref _isDisposed, true))
            return;
        await _session.DisposeAsync();
    }
}
