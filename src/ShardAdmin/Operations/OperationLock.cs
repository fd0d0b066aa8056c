using System.Diagnostics;
using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Operations;

/// <summary>
/// Shows that a process works on an operation: a session advisory lock in each of its source shards. Safety does not depend on this lock:
/// a process that resumes an operation ends the attempts of the process before it. The lock only keeps two processes from disturbing each
/// other.
/// </summary>
internal sealed class OperationLock(AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources) : IAsyncDisposable
{
    /// <summary>A server needs a moment to release the lock of a connection that was ended.</summary>
    private static readonly TimeSpan ReleaseLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly List<ShardConnection> _held = [];
    private readonly SemaphoreSlim _gate = new(1);

    /// <summary>The name of this holder. It distinguishes this holder from every other one in the journals.</summary>
    public string Mover { get; } = NewMover();

    /// <exception cref="CommandFailedException">Another process works on it.</exception>
    public static async Task<OperationLock> TakeAsync(
        AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources, CancellationToken cancellation) =>
        await TryTakeAsync(session, operation, sources, TimeSpan.Zero, cancellation) ?? throw Busy(operation);

    /// <summary>Takes the lock over from a process that hangs. First it ends the connections of that process.</summary>
    /// <exception cref="CommandFailedException">A third process was faster.</exception>
    public static async Task<OperationLock> TakeOverAsync(
        AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources, CancellationToken cancellation)
    {
        foreach (var source in sources)
            await Reach.ShardAsync(source, () => HungMover.EndAsync(session.Source(source), operation, NewMover(), cancellation));
        return await TryTakeAsync(session, operation, sources, ReleaseLimit, cancellation) ?? throw Busy(operation);
    }

    /// <returns>Null: another process held the lock for the whole waiting time.</returns>
    public static async Task<OperationLock?> TryTakeAsync(
        AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources, TimeSpan wait, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
        {
            var held = new OperationLock(session, operation, sources);
            try
            {
                if (await held.TryTakeAllAsync(cancellation))
                    return held;
            }
            catch
            {
                await held.DisposeAsync();
                throw;
            }
            await held.DisposeAsync(); // all or none: two processes that hold one half each would wait forever
            if (clock.Elapsed >= wait)
                return null;
        }
    }

    /// <summary>Takes the lock again if a server has lost it in a restart, unless another process was faster.</summary>
    /// <returns>False: another process holds the lock.</returns>
    public async Task<bool> EnsureAsync(CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            if (await AllAnswerAsync(cancellation))
                return true;
            await ReleaseAsync();
            return await TryTakeAgainAsync(cancellation);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync();
        _gate.Dispose();
    }

    /// <summary>
    /// Takes all locks or none: if only some were held, the next check would believe that all are. The first tries may fail because of this
    /// process itself: a server reports the end of a session before it releases the session's locks.
    /// </summary>
    private async Task<bool> TryTakeAgainAsync(CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
        {
            var taken = false;
            try
            {
                taken = await TryTakeAllAsync(cancellation);
                if (taken || clock.Elapsed >= ReleaseLimit)
                    return taken;
            }
            finally
            {
                if (!taken)
                    await ReleaseAsync();
            }
        }
    }

    private async Task<bool> AllAnswerAsync(CancellationToken cancellation)
    {
        if (_held.Count == 0)
            return false;
        try
        {
            foreach (var connection in _held)
                await connection.ExecuteScalarAsync<bool>(new CommandDefinition("select true", cancellationToken: cancellation));
            return true;
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            return false;
        }
    }

    private async Task ReleaseAsync()
    {
        foreach (var connection in _held)
        {
            try
            {
                await connection.ExecuteAsync("select pg_advisory_unlock_all()");
            }
            catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
            {
                // The connection is gone, and the lock with it.
            }
            await connection.DisposeAsync();
        }
        _held.Clear();
    }

    private async Task<bool> TryTakeAllAsync(CancellationToken cancellation)
    {
        foreach (var source in sources.DistinctBy(shard => shard.Id).OrderBy(shard => shard.Id))
            if (!await Reach.ShardAsync(source, () => TryTakeAsync(session.Source(source), cancellation)))
                return false;
        return true;
    }

    private async Task<bool> TryTakeAsync(ShardDatabase source, CancellationToken cancellation)
    {
        var connection = await source.OpenAsync(cancellation);
        _held.Add(connection);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select pg_try_advisory_lock(@Class, hashtext(@operation))",
            new { OperationLockKey.Class, operation = operation.ToString() }, cancellationToken: cancellation));
    }

    private static string NewMover() => $"{AdminSession.Who} pid {Environment.ProcessId} {Guid.NewGuid():N}";

    private static CommandFailedException Busy(Guid operation) => new(
        ExitCode.Conflict, $"Another process works on operation {operation}.",
        $"shardadmin ops watch {operation}; if that process hangs: shardadmin ops resume {operation} --take-over");
}
